"""A policy whose P_F and log F are tables over a listed space, in float64: exact flows to compose."""

import torch

from molgfn.environments.actions import listed
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.distributions import Categorical


class Solved(Policy):
    """Read at the states of ``graph`` only, as they are written there (of fragments: in that order of nodes)."""

    reads = frozenset({"vector", "graph"})

    def __init__(self, *, environment, graph, flows):
        super().__init__(environment=environment, learned_backward=False, initial_log_z=flows.log_z)
        self.log_z.constant = torch.nn.Parameter(torch.tensor(flows.log_z, dtype=torch.float64), requires_grad=False)
        table = torch.full((len(graph), environment.n_actions), -torch.inf, dtype=torch.float64)
        table[graph.source, graph.action] = flows.log_pf
        table[:, environment.stop_action] = flows.log_stop
        hashes, order = torch.sort(environment.hashes(graph.states))
        self.hashes, self.log_pf, self.flows = hashes, table[order], flows.log_flow[order]

    def forward(self, states, *, forward=True, backward=False, flow=False):
        row = torch.searchsorted(self.hashes, self.environment.hashes(states))
        here = listed(self.environment, "Solved")
        return PolicyOutput(
            forward=Categorical(self.log_pf[row], here.forward_mask(states)) if forward else None,
            backward=self.fixed_backward(states, here.backward_mask(states)) if backward else None,
            log_flow=self.flows[row] if flow else None,
        )

    def group_modules(self):
        return {"forward": [], "backward": [], "flow": []}
