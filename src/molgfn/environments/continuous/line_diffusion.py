"""Diffusion from a point in R^d: a fixed number of noisy steps whose way back is a Brownian bridge."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.base import States
from molgfn.environments.continuous.clock import Clocked
from molgfn.environments.real_actions import Chart, Space, action, split
from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.point import POINT

#: sines and cosines of the time that a policy reads
WAVES = 8


@dataclass(frozen=True)
class LineStates(States):
    """``position``: float64 [B, d]; ``clock``: int64 [B], steps made, 0 at the source alone, which is the origin."""

    position: Tensor
    clock: Tensor


@dataclass(frozen=True)
class Steps(Chart):
    """A place is the move in standard deviations of a reference step, from its mean; the reference measure is dx.

    Attributes:
        mean: float64 [B, d], of the reference step.
        deviation: float64 [B], its standard deviation.
        moving: bool [B], there is a density; elsewhere the step is a point mass.
    """

    mean: Tensor
    deviation: Tensor
    moving: Tensor

    def active(self, choice: Tensor) -> Tensor:
        return (self.moving & (choice == 0))[:, None].expand_as(self.mean)

    def move(self, choice: Tensor, place: Tensor) -> Tensor:
        return torch.where(self.active(choice), self.mean + self.deviation[:, None] * place, 0.0)

    def place(self, choice: Tensor, move: Tensor) -> tuple[Tensor, Tensor]:
        active = self.active(choice)
        place = torch.where(active, (move - self.mean) / self.deviation[:, None], 0.0)
        return place, torch.where(active[:, 0], move.shape[1] * self.deviation.log(), 0.0)


class LineDiffusion(Clocked):
    """Points of R^d, from the origin by ``steps`` moves; the reference process is Brownian motion of variance
    ``deviation``^2 at the end.

    With h = ``deviation``^2 / ``steps`` the reference step is N(x, h) forward, and backward the bridge: from x after t
    steps to N(x (t - 1) / t, h (t - 1) / t), and from the first step to the origin (a point mass). P_B without
    parameters is the bridge, and P_F of a policy that has learned nothing is Brownian motion. The reference measure of
    steps and of finished points is Lebesgue's. A choice 0 moves, 1 stops, after the last step alone.

    Args:
        dimensions: d.
        steps: of a trajectory.
        deviation: standard deviation of a coordinate at the end, under the reference process; about as wide as the
            target.

    Reference: Zhang and Chen 2022, arXiv 2111.15141; Sendera et al. 2024, arXiv 2402.05098.
    """

    kind: ClassVar[ObjectKind] = POINT
    encoding: ClassVar[str] = "vector"
    space: ClassVar[Space] = "line"

    def __init__(
        self,
        *,
        dimensions: Annotated[int, Field(ge=1)] = 2,
        steps: Annotated[int, Field(ge=1)] = 100,
        deviation: Annotated[float, Field(gt=0)] = 1.0,
    ) -> None:
        super().__init__(steps, stops=False)
        self.dimensions = self.n_coordinates = dimensions
        self.deviation = deviation
        self.variance = deviation**2 / steps
        self.bounds = None

    def initial(self, n: int, device: torch.device | str = "cpu") -> LineStates:
        position = torch.zeros(n, self.dimensions, dtype=torch.float64, device=device)
        return LineStates(position, torch.zeros(n, dtype=torch.int64, device=device))

    def step(self, states: LineStates, actions: Tensor) -> LineStates:
        choice, move = split(actions)
        return LineStates(states.position + move, self.advanced(states, choice))

    def undo(self, states: LineStates, backward_actions: Tensor) -> LineStates:
        before = states.position + split(backward_actions)[1]
        return LineStates(before.masked_fill((states.clock == 1)[:, None], 0.0), states.clock - 1)

    def backward_action(self, states: LineStates, actions: Tensor, next_states: LineStates) -> Tensor:
        choice, move = split(actions)
        nothing = self.is_initial(states) | (choice == self.stop_choice)
        return action(torch.zeros_like(choice), (-move).masked_fill(nothing[:, None], 0.0))

    def forward_action(self, states: LineStates, backward_actions: Tensor, previous: LineStates) -> Tensor:
        choice, move = split(backward_actions)
        return action(choice, torch.where((states.clock == 1)[:, None], states.position, -move))

    def chart(self, states: LineStates) -> Steps:
        deviation = torch.full_like(states.position[:, 0], math.sqrt(self.variance))
        everywhere = torch.ones_like(states.clock, dtype=torch.bool)
        return Steps(torch.zeros_like(states.position), deviation, everywhere)

    def backward_chart(self, states: LineStates) -> Steps:
        t = states.clock.double().clamp(min=2)  # of earlier ones the step is a point mass
        deviation = (self.variance * (t - 1) / t).sqrt()
        return Steps(-states.position / t[:, None], deviation, states.clock > 1)

    def encode(self, states: LineStates) -> Tensor:
        turn = 2 * math.pi * states.clock.double()[:, None] / (self.moves + 1)
        order = torch.arange(1, WAVES + 1, device=turn.device, dtype=turn.dtype)
        time = torch.cat([(order * turn / 2).sin(), (order * turn / 2).cos()], 1)
        return torch.cat([states.position / self.deviation, time], 1).to(torch.get_default_dtype())

    def objects(self, states: LineStates) -> Tensor:
        return states.position.cpu()

    def states_of(self, objects: Any) -> LineStates:
        points = torch.as_tensor(objects, dtype=torch.float64)
        if points.dim() != 2 or points.shape[1] != self.dimensions or not points.isfinite().all():
            raise DataError(
                f"line_diffusion: points of shape {tuple(points.shape)}; it takes finite ones [B, {self.dimensions}]"
            )
        clock = torch.full_like(points[:, 0], self.moves, dtype=torch.int64)
        return replace(self.initial(len(points), points.device), position=points, clock=clock)
