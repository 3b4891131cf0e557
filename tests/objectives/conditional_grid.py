"""A grid under three temperatures on which the exact flows of each are known; double precision."""

from dataclasses import replace
from pathlib import Path

import torch
import yaml

from molgfn.conditions.draws import Uniform
from molgfn.conditions.temperature import Temperature
from molgfn.config import build
from molgfn.environments.conditional import ConditionalStates, conditional
from molgfn.environments.hypergrid import HyperGrid
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.distributions import Categorical
from molgfn.trajectories.sampler import Sampler

CONFIGS = Path(__file__).parents[2] / "configs"
BETAS = (0.5, 1.0, 3.0)


def shipped(group, cls, **changes):
    """Name -> what makes the member of a config group, ``changes`` by name."""
    nodes = {p.stem: yaml.safe_load(p.read_text()) for p in sorted((CONFIGS / group).glob("*.yaml"))}
    for name, change in changes.items():
        nodes[name].update(change)
    return {name: lambda node=node, **live: build(node, cls, group, live=live) for name, node in nodes.items()}


def grid(dimensions=2, side=4):
    return conditional(HyperGrid(dimensions=dimensions, side=side), Temperature(beta=Uniform(low=0.25, high=4.0)))


def under(states, betas):
    return ConditionalStates(inner=states, values=torch.as_tensor(betas, dtype=torch.float64)[:, None])


def log_reward(states):
    """beta log (1 + sum of i + 2 j + i j) of states under conditions, with a number for each cell."""
    weight = torch.arange(1, states.inner.position.shape[1] + 1)
    inside = (states.inner.position * weight).sum(1) + states.inner.position.prod(1)
    return states.values[:, 0] * (1.0 + inside).double().log()


def drawn(environment, policy, betas, seed=0):
    """One scored trajectory of ``policy`` under each of ``betas``."""
    start = under(environment.inner.initial(len(betas)), betas)
    generator = torch.Generator().manual_seed(seed)
    t = Sampler(environment).forward(policy, len(betas), generator=generator, start=start)
    return replace(t, log_reward=log_reward(t.terminal), log_reward_state=log_reward(t.states))


class Tables(Policy):
    """A table for each of ``BETAS``: the exact P_F, log F and log Z of each for a uniform P_B."""

    reads = frozenset({"vector"})

    def __init__(self, environment, *, forward_looking=False):
        super().__init__(environment=environment, learned_backward=False, initial_log_z=0.0)
        solved = [solve(environment.inner, beta) for beta in BETAS]
        self.double()
        self.logits = torch.nn.Parameter(torch.stack([logits for logits, _ in solved]))
        log_f = torch.stack([flow for _, flow in solved])
        self.log_z = ByTable(log_f[:, environment.inner.index(environment.inner.initial(1))[0]])
        if forward_looking:
            log_f = log_f - torch.stack(
                [log_reward(under(cells(environment.inner), [b] * log_f.shape[1])) for b in BETAS]
            )
        self.flows = torch.nn.Parameter(log_f)

    def forward(self, states, *, forward=True, backward=False, flow=False):
        which = (states.values - torch.tensor(BETAS, dtype=torch.float64)).abs().argmin(1)
        index = self.environment.inner.index(states.inner)
        return PolicyOutput(
            forward=Categorical(self.logits[which, index], self.environment.forward_mask(states)) if forward else None,
            backward=self.fixed_backward(states, self.environment.backward_mask(states)) if backward else None,
            log_flow=self.flows[which, index] if flow else None,
        )

    def log_z_of(self, states):
        return self.log_z((states.values - torch.tensor(BETAS, dtype=torch.float64)).abs().argmin(1))

    def group_modules(self):
        return {"forward": [self.logits], "backward": [], "flow": [self.flows]}


class ByTable(torch.nn.Module):
    """log Z of each condition."""

    def __init__(self, values):
        super().__init__()
        self.constant = torch.nn.Parameter(values.clone())

    def forward(self, which):
        return self.constant[which]


def cells(inner):
    position = torch.cartesian_prod(*[torch.arange(inner.side)] * inner.dimensions)
    return type(inner.initial(1))(position.view(-1, inner.dimensions))


def solve(inner, beta):
    """(logits of P_F, log F) of every cell, for a uniform P_B: F(s) = R(s) + sum over s' of F(s') / parents of s'."""
    states = cells(inner)
    n = len(states)
    reward = log_reward(under(states, [beta] * n))
    flow = torch.full((n,), -torch.inf, dtype=torch.float64)
    logits = torch.full((n, inner.n_actions), -1e9, dtype=torch.float64)
    mask = inner.forward_mask(states)
    for row in states.position.sum(1).argsort(descending=True).tolist():
        here = states[torch.tensor([row])]
        logits[row, inner.stop_action] = reward[row]
        for action in range(inner.n_actions):
            if action != inner.stop_action and mask[row, action]:
                after = inner.step(here, torch.tensor([action]))
                logits[row, action] = flow[inner.index(after)[0]] - inner.backward_mask(after).sum().double().log()
        flow[row] = logits[row].logsumexp(0)
    return logits, flow
