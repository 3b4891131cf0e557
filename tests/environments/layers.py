"""One small grid with every set of layers that an environment can have, and a policy that plays all of them."""

from __future__ import annotations

import torch
from torch import nn

from molgfn.environments.actions import ActionsInParts, ListedActions
from molgfn.environments.base import Environment
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.hypergrid import HyperGrid
from molgfn.objects.grid import GRID
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.distributions import Categorical

#: what a layer adds, taken from the grid inside
OF_LISTED = ("n_actions", "n_backward_actions", "stop_action")


class Transitions(Environment):
    """A 3 x 3 grid of which nothing is told but its transitions."""

    kind, encoding, stops_everywhere = GRID, "vector", True

    def __init__(self) -> None:
        self.grid = HyperGrid(dimensions=2, side=3)
        self.max_steps = self.grid.max_steps

    def initial(self, n, device="cpu"):
        return self.grid.initial(n, device)

    def step(self, states, actions):
        return self.grid.step(states, actions)

    def undo(self, states, backward_actions):
        return self.grid.undo(states, backward_actions)

    def is_exit(self, states, actions):
        return self.grid.is_exit(states, actions)

    def exit_action(self, states):
        return self.grid.exit_action(states)

    def stop_mask(self, states):
        return self.grid.stop_mask(states)

    def backward_action(self, states, actions, next_states):
        return self.grid.backward_action(states, actions, next_states)

    def forward_action(self, states, backward_actions, previous):
        return self.grid.forward_action(states, backward_actions, previous)

    def is_initial(self, states):
        return self.grid.is_initial(states)

    def encode(self, states):
        return self.grid.encode(states)

    def objects(self, states):
        return self.grid.objects(states)

    def states_of(self, objects):
        return self.grid.states_of(objects)


class Listed(ListedActions, Transitions):
    """With masks, without keys."""

    def __init__(self) -> None:
        super().__init__()
        for name in OF_LISTED:
            setattr(self, name, getattr(self.grid, name))

    def forward_mask(self, states):
        return self.grid.forward_mask(states)

    def backward_mask(self, states):
        return self.grid.backward_mask(states)


class Keyed(Transitions, Enumerable):
    """With keys and legal actions row by row, without masks."""

    def keys(self, states):
        return self.grid.keys(states)

    def legal_actions(self, states):
        return self.grid.legal_actions(states)

    def legal_backward_actions(self, states):
        return self.grid.legal_backward_actions(states)

    def enumeration_unavailable_reason(self):
        return None


class ListedKeyed(Listed, Keyed):
    """With both."""


class Parts(ActionsInParts, Transitions):
    """Actions in one part, without keys."""

    def __init__(self) -> None:
        super().__init__()
        self.parts, self.backward_parts = (self.grid.n_actions,), (self.grid.n_backward_actions,)

    def step(self, states, actions):
        return self.grid.step(states, actions[:, 0])

    def undo(self, states, backward_actions):
        return self.grid.undo(states, backward_actions[:, 0])

    def is_exit(self, states, actions):
        return self.grid.is_exit(states, actions[:, 0])

    def exit_action(self, states):
        return self.grid.exit_action(states)[:, None]

    def backward_action(self, states, actions, next_states):
        return self.grid.backward_action(states, actions[:, 0], next_states)[:, None]

    def forward_action(self, states, backward_actions, previous):
        return self.grid.forward_action(states, backward_actions[:, 0], previous)[:, None]

    def part_mask(self, states, chosen):
        return self.grid.forward_mask(states)

    def backward_part_mask(self, states, chosen):
        return self.grid.backward_mask(states)


class PartsKeyed(Parts, Enumerable):
    """Actions in one part, and keys."""

    def keys(self, states):
        return self.grid.keys(states)

    def enumeration_unavailable_reason(self):
        return None


class OwnPolicy(Policy):
    """Linear maps of its own, which knows the grid inside: for environments that no shipped policy plays."""

    reads = frozenset({"vector"})

    def __init__(self, *, environment: Environment, learned_backward: bool = False) -> None:
        super().__init__(environment=environment, learned_backward=learned_backward, initial_log_z=None)
        self.grid = environment.grid
        size = environment.encode(environment.initial(1)).shape[1]
        self.forward_map = nn.Linear(size, self.grid.n_actions)
        self.backward_map = nn.Linear(size, self.grid.n_backward_actions) if learned_backward else None
        self.flow_map = nn.Linear(size, 1)

    def forward(self, states, *, forward=True, backward=False, flow=False):
        x = self.environment.encode(states)
        inner = getattr(states, "inner", states)
        out = None
        if backward:
            mask = self.grid.backward_mask(inner)
            learned = self.backward_map is not None
            out = Categorical(self.backward_map(x) if learned else torch.zeros(mask.shape), mask)
        return PolicyOutput(
            forward=Categorical(self.forward_map(x), self.grid.forward_mask(inner)) if forward else None,
            backward=out,
            log_flow=self.flow_map(x).squeeze(-1) if flow else None,
        )

    def group_modules(self):
        return {
            "forward": self.forward_map.parameters(),
            "backward": [] if self.backward_map is None else self.backward_map.parameters(),
            "flow": self.flow_map.parameters(),
        }
