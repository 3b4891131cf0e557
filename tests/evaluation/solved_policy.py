"""A policy that is exact under every condition: flows of a listed space, solved for each one that it is asked for."""

import torch

from molgfn.evaluation.exact.answers import exact_target, solve_flows
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.distributions.categorical import Categorical


class Solved(Policy):
    """P_F, log F and log Z(c) of ``environment`` (with a drawn condition, numbered states) for ``reward``.

    Args:
        environment: conditional.
        reward: log R(x | c).
        always: the only condition that it knows, whatever it is asked for; None for all.
        log_z_off: added to log Z and log F.
    """

    reads = frozenset({"vector"})

    def __init__(self, environment, reward, *, always=None, log_z_off=0.0):
        super().__init__(environment=environment, learned_backward=False, backward_rule="uniform", initial_log_z=0.0)
        self.reward, self.always, self.log_z_off = reward, always, log_z_off
        self.tables = {}

    def _table(self, values):
        """Logits [n_states, n_actions] and log F [n_states] under one condition, a tuple of raw numbers."""
        if values not in self.tables:
            e = self.environment.at(dict(zip(self.environment.given.columns, values, strict=True)))
            target = exact_target(e, self.reward)
            flows = solve_flows(target.graph, target.log_target)
            index = e.index(target.graph.states)
            logits = torch.zeros(e.n_states, e.n_actions, dtype=torch.float64)
            logits[index, e.stop_action] = flows.log_stop
            logits[index[target.graph.source], target.graph.action] = flows.log_pf
            log_flow = torch.zeros(e.n_states, dtype=torch.float64)
            log_flow[index] = flows.log_flow
            self.tables[values] = logits, log_flow, flows.log_z
        return self.tables[values]

    def _of(self, states):
        conditions = [self.always or tuple(row) for row in states.values.tolist()]
        return [self._table(values) for values in conditions]

    def forward(self, states, *, forward=True, backward=False, flow=False):
        e, found = self.environment, self._of(states)
        index = e.inner.index(states.inner).tolist()
        logits = torch.stack([table[0][i] for table, i in zip(found, index, strict=True)]) if forward else None
        return PolicyOutput(
            forward=Categorical(logits, e.forward_mask(states)) if forward else None,
            backward=self.fixed_backward(states, e.backward_mask(states)) if backward else None,
            log_flow=torch.stack([table[1][i] for table, i in zip(found, index, strict=True)]) + self.log_z_off
            if flow
            else None,
        )

    def log_z_of(self, states):
        return torch.tensor([table[2] + self.log_z_off for table in self._of(states)])

    def group_modules(self):
        return {"forward": [], "backward": [], "flow": []}
