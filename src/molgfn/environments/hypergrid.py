"""The hypergrid: walk up the coordinates of a grid, stop anywhere (Bengio et al. 2021, arXiv 2106.04399)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from molgfn.environments.actions import ListedActions
from molgfn.environments.base import States
from molgfn.environments.constant import Constant
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.hashing import hash_rows
from molgfn.objects.base import ObjectKind
from molgfn.objects.grid import GRID


@dataclass(frozen=True)
class GridStates(States):
    """``position``: int64 [B, d], each in [0, side)."""

    position: Tensor


class HyperGrid(ListedActions, Enumerable):
    """Grid {0..side-1}^dimensions, source at the origin; every state may be a finished object.

    Forward action i < d adds 1 to coordinate i, action d stops; backward action i takes 1 from coordinate i.
    ``encode`` is one-hot per dimension, [B, d * side]. Finished objects are int64 positions [B, d].

    Args:
        dimensions: d, at least 1.
        side: number of points along each dimension, at least 2.
    """

    kind: ClassVar[ObjectKind] = GRID
    encoding: ClassVar[str] = "vector"
    encoded_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    counts_paths = True

    def __init__(self, *, dimensions: Annotated[int, Field(ge=1)] = 2, side: Annotated[int, Field(ge=2)] = 16) -> None:
        self.dimensions = dimensions
        self.side = side
        self.n_actions = dimensions + 1
        self.n_backward_actions = dimensions
        self.stop_action = dimensions
        self.max_steps = dimensions * (side - 1) + 1
        self.n_states = side**dimensions if side**dimensions < 2**63 else None
        self.stops_everywhere = True
        self.n_features = dimensions * side
        self._one_hot = Constant(torch.eye(side))
        #: row a is 1 at the coordinate that action a names, and 0 everywhere for stop
        self._units = Constant(torch.eye(self.n_actions, dimensions))

    def initial(self, n: int, device: torch.device | str = "cpu") -> GridStates:
        return GridStates(torch.zeros(n, self.dimensions, dtype=torch.int64, device=device))

    def _unit(self, actions: Tensor) -> Tensor:
        """int64 [B, d], 1 at the coordinate that the action names (nowhere for stop)."""
        return self._units.on(actions.device, torch.int64).index_select(0, actions)

    def step(self, states: GridStates, actions: Tensor) -> GridStates:
        return GridStates(states.position + self._unit(actions))

    def undo(self, states: GridStates, backward_actions: Tensor) -> GridStates:
        return GridStates(states.position - self._unit(backward_actions))

    def forward_mask(self, states: GridStates) -> Tensor:
        return torch.constant_pad_nd(states.position < self.side - 1, (0, 1), True)  # stop is last, and always legal

    def backward_mask(self, states: GridStates) -> Tensor:
        return states.position > 0

    def backward_action(self, states: GridStates, actions: Tensor, next_states: GridStates) -> Tensor:
        return actions

    def forward_action(self, states: GridStates, backward_actions: Tensor, previous: GridStates) -> Tensor:
        return backward_actions

    def is_initial(self, states: GridStates) -> Tensor:
        return (states.position == 0).all(1)

    def encode(self, states: GridStates) -> Tensor:
        table = self._one_hot.on(states.position.device, torch.get_default_dtype())
        return functional.embedding(states.position, table).flatten(1)

    def index(self, states: GridStates) -> Tensor:
        if self.n_states is None:
            return super().index(states)
        weights = self.side ** torch.arange(self.dimensions - 1, -1, -1, device=states.position.device)
        return (states.position * weights).sum(1)

    def objects(self, states: GridStates) -> Tensor:
        return states.position.cpu()

    def keys(self, states: GridStates) -> Sequence[Hashable]:
        if self.n_states is None:
            return [tuple(row) for row in states.position.tolist()]
        return self.index(states).tolist()

    def stop_mask(self, states: GridStates) -> Tensor:
        return torch.ones(len(states), dtype=torch.bool, device=states.position.device)

    def has_object(self, states: GridStates) -> Tensor:
        return self.stop_mask(states)

    def hashes(self, states: GridStates) -> Tensor:
        return hash_rows(states.position) if self.n_states is None else self.index(states)

    def log_path_count(self, states: GridStates) -> Tensor:
        position = states.position.double()
        return torch.lgamma(position.sum(1) + 1) - torch.lgamma(position + 1).sum(1)  # a multinomial coefficient

    def states_of(self, objects: Tensor) -> GridStates:
        return GridStates(torch.as_tensor(objects, dtype=torch.int64))

    def enumeration_unavailable_reason(self) -> str | None:
        return None if self.n_states is not None else f"there are {self.side}^{self.dimensions} points"
