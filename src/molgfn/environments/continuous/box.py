"""The box: steps of one length up through the unit cube, stop anywhere (Lahlou et al. 2023, arXiv 2301.12594)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.base import States
from molgfn.environments.continuous.arcs import Arcs
from molgfn.environments.real_actions import RealActions, Space, action, split
from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.point import POINT

#: squared length, beyond the least, of the longest direction that fits where a step still has room
MARGIN = 1e-9


@dataclass(frozen=True)
class BoxStates(States):
    """``position``: float64 [B, d], each in [0, 1]; the source is the origin."""

    position: Tensor


class Box(RealActions):
    """Points of [0, 1]^d. The first step goes to a point of the positive part of the ball of radius ``step`` around the
    origin, each later one by exactly ``step`` in a direction without negative components that stays inside; every
    state but the source may stop, and does where no step fits.

    Choice 0 moves, choice 1 stops; a move is the displacement. The reference measure is Lebesgue's for the first step
    and for finished points, and for later steps the surface of the unit sphere, which is the same forward and backward.
    Backward, a point within ``step`` of the origin came from it (a point mass), any other from an arc of points.

    Objects are float64 points [B, d]; ``encode`` is the position, and whether it is the source.

    Args:
        dimensions: d, at least 2.
        step: length of a step, in (0, 1).

    Reference: Lahlou et al. 2023, arXiv 2301.12594, section 5.1 and appendix D (d = 2; steps of .25 and .1).
    """

    kind: ClassVar[ObjectKind] = POINT
    encoding: ClassVar[str] = "vector"
    encoded_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    space: ClassVar[Space] = "interval"
    n_choices = 2
    n_backward_choices = 1
    stop_choice = 1

    def __init__(
        self,
        *,
        dimensions: Annotated[int, Field(ge=2)] = 2,
        step: Annotated[float, Field(gt=0, lt=1)] = 0.25,
    ) -> None:
        self.dimensions = self.n_coordinates = dimensions
        self.step_length = step
        # a step adds at least its length to the sum of the coordinates; then the first step, and the exit
        self.max_steps = int(dimensions / step + 1e-9) + 2
        self.bounds = ((0.0, 1.0),) * dimensions

    def initial(self, n: int, device: torch.device | str = "cpu") -> BoxStates:
        return BoxStates(torch.zeros(n, self.dimensions, dtype=torch.float64, device=device))

    def step(self, states: BoxStates, actions: Tensor) -> BoxStates:
        return BoxStates((states.position + actions[:, 1:]).clamp(0, 1))

    def undo(self, states: BoxStates, backward_actions: Tensor) -> BoxStates:
        before = (states.position - backward_actions[:, 1:]).clamp(0, 1)
        return BoxStates(before.masked_fill(self._first(states)[:, None], 0.0))

    def backward_action(self, states: BoxStates, actions: Tensor, next_states: BoxStates) -> Tensor:
        choice, move = split(actions)
        nothing = self.is_initial(states) | (choice == self.stop_choice)
        return action(torch.zeros_like(choice), move.masked_fill(nothing[:, None], 0.0))

    def forward_action(self, states: BoxStates, backward_actions: Tensor, previous: BoxStates) -> Tensor:
        choice, move = split(backward_actions)
        first = self._first(states)[:, None]
        return action(choice, torch.where(first, states.position, move))

    def _first(self, states: BoxStates) -> Tensor:
        """bool [B]: reached by the first step, or the source."""
        return states.position.norm(dim=1) <= self.step_length

    def is_initial(self, states: BoxStates) -> Tensor:
        return (states.position == 0).all(1)

    def choice_mask(self, states: BoxStates) -> Tensor:
        fits = ((1 - states.position) / self.step_length).clamp(max=1.0).square().sum(1) > 1 + MARGIN
        return torch.stack([fits, ~self.is_initial(states)], 1)

    def backward_choice_mask(self, states: BoxStates) -> Tensor:
        return ~self.is_initial(states)[:, None]

    def chart(self, states: BoxStates) -> Arcs:
        everywhere = torch.ones(len(states), dtype=torch.bool, device=states.device)
        return Arcs(1 - states.position, self.step_length, free=self.is_initial(states), moving=everywhere)

    def backward_chart(self, states: BoxStates) -> Arcs:
        first = self._first(states)
        return Arcs(states.position, self.step_length, free=torch.zeros_like(first), moving=~first)

    def encode(self, states: BoxStates) -> Tensor:
        source = self.is_initial(states).to(states.position.dtype)
        return torch.cat([states.position, source[:, None]], 1).to(torch.get_default_dtype())

    def objects(self, states: BoxStates) -> Tensor:
        return states.position.cpu()

    def states_of(self, objects: Tensor) -> BoxStates:
        points = torch.as_tensor(objects, dtype=torch.float64)
        if points.dim() != 2 or points.shape[1] != self.dimensions:
            raise DataError(f"box: points of shape {tuple(points.shape)}; it takes [B, {self.dimensions}]")
        inside = ((points >= 0) & (points <= 1)).all(1) & (points > 0).any(1)
        if not inside.all():
            row = int((~inside).nonzero()[0])
            raise DataError(f"box: {points[row].tolist()} is no point of the cube [0, 1]^d other than the origin")
        return BoxStates(points)
