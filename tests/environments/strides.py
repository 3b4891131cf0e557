"""A grid on which a walk takes one or two points at once: a state is reached by paths of different lengths."""

import torch

from molgfn.environments.hypergrid import GridStates, HyperGrid


class Strides(HyperGrid):
    """Actions i < d add 1 to coordinate i, actions d + i add 2, action 2 d stops; backward actions take it back."""

    counts_paths = False

    def __init__(self, *, dimensions=2, side=3):
        super().__init__(dimensions=dimensions, side=side)
        self.n_actions = 2 * dimensions + 1
        self.n_backward_actions = self.stop_action = 2 * dimensions

    def _unit(self, actions):
        one, two = (actions[:, None] == torch.arange(2 * self.dimensions)).to(torch.int64).chunk(2, 1)
        return one + 2 * two

    def forward_mask(self, states):
        p = states.position
        return torch.cat([p < self.side - 1, p < self.side - 2, torch.ones_like(p[:, :1], dtype=torch.bool)], 1)

    def backward_mask(self, states):
        return torch.cat([states.position > 0, states.position > 1], 1)


class Circle(Strides):
    """Two steps ahead of the last point of a line lies its first."""

    def step(self, states, actions):
        return GridStates(super().step(states, actions).position % self.side)

    def forward_mask(self, states):
        return torch.ones(len(states), self.n_actions, dtype=torch.bool)
