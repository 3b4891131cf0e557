"""The torus: angles turned together, a number of times (Lahlou et al. 2023, arXiv 2301.12594)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.base import States
from molgfn.environments.continuous.clock import Clocked
from molgfn.environments.real_actions import Chart, Space, action, split
from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.point import POINT

TURN = 2 * math.pi


@dataclass(frozen=True)
class TorusStates(States):
    """``angle``: float64 [B, d], each in [-period / 2, period / 2); ``clock``: int64 [B], moves made; ``period``:
    float64 [B, d] in radians, 0 where an object has fewer than d angles (its angle is 0 there, too).
    """

    angle: Tensor
    clock: Tensor
    period: Tensor


@dataclass(frozen=True)
class Turns(Chart):
    """Moves that turn every angle: a place is 2 pi over the period times the turn, the reference measure d phi.

    Attributes:
        period: float64 [B, d], 0 where there is no angle.
        moving: bool [B], there is a density; elsewhere the move is a point mass.
    """

    period: Tensor
    moving: Tensor

    def active(self, choice: Tensor) -> Tensor:
        return (self.moving & (choice == 0))[:, None] & (self.period > 0)

    def move(self, choice: Tensor, place: Tensor) -> Tensor:
        return torch.where(self.active(choice), place * self.period / TURN, 0.0)

    def place(self, choice: Tensor, move: Tensor) -> tuple[Tensor, Tensor]:
        active = self.active(choice)
        period = torch.where(active, self.period, TURN)
        return wrapped(move * TURN / period, TURN), torch.where(active, (period / TURN).log(), 0.0).sum(1)


def wrapped(angle: Tensor, period: Tensor | float) -> Tensor:
    """``angle`` in [-period / 2, period / 2)."""
    half = period / 2
    return torch.remainder(angle + half, period) - half


class Torus(Clocked):
    """d angles, from all at 0, turned together by an increment each, ``steps`` times; then the exit.

    The state holds the number of turns that were made, so that the first one, and it alone, goes back to the source (a
    point mass). The reference measure of every other step, and of finished objects, is Lebesgue's of the angles, d phi;
    P_B without parameters is uniform on the torus. Objects are float64 angles [B, d] in [-pi, pi).

    Built for spaces of torsions, too: each state has the periods of its angles. A subclass whose objects differ in
    their number of angles, or have symmetric rotors, gives them in ``periods``, and what its policy reads beside the
    angles by ``encode`` (and ``encoding``); transitions, charts and the two policies' measures follow.

    Args:
        dimensions: d, the most angles that an object has.
        steps: turns, at least 1.
        stops: the exit is legal after every turn, not after the last alone; an object is then as many states, each with
            an equal share of R.
        harmonics: sines and cosines of an angle that ``encode`` shows, beside the number of turns (one-hot).

    Reference: Lahlou et al. 2023, arXiv 2301.12594, section 5.2.
    """

    kind: ClassVar[ObjectKind] = POINT
    encoding: ClassVar[str] = "vector"
    encoded_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    space: ClassVar[Space] = "circle"

    def __init__(
        self,
        *,
        dimensions: Annotated[int, Field(ge=1)] = 2,
        steps: Annotated[int, Field(ge=1)] = 10,
        stops: bool = False,
        harmonics: Annotated[int, Field(ge=1)] = 5,
    ) -> None:
        super().__init__(steps, stops)
        self.dimensions = self.n_coordinates = dimensions
        self.harmonics = harmonics
        self.bounds = ((-math.pi, math.pi),) * dimensions

    def periods(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        """Periods of the angles of ``n`` sources, float64 [n, d]; 0 where there is no angle."""
        return torch.full((n, self.dimensions), TURN, dtype=torch.float64, device=device)

    def at_source(self, period: Tensor) -> TorusStates:
        """Sources whose angles have these periods [B, d]."""
        clock = torch.zeros(len(period), dtype=torch.int64, device=period.device)
        return TorusStates(torch.zeros_like(period), clock, period)

    def initial(self, n: int, device: torch.device | str = "cpu") -> TorusStates:
        return self.at_source(self.periods(n, device))

    def step(self, states: TorusStates, actions: Tensor) -> TorusStates:
        choice, move = split(actions)
        return replace(states, angle=self._turned(states, move), clock=self.advanced(states, choice))

    def undo(self, states: TorusStates, backward_actions: Tensor) -> TorusStates:
        first = (states.clock == 1)[:, None]
        before = self._turned(states, -split(backward_actions)[1]).masked_fill(first, 0.0)
        return replace(states, angle=before, clock=states.clock - 1)

    def _turned(self, states: TorusStates, move: Tensor) -> Tensor:
        there = states.period > 0
        return torch.where(there, wrapped(states.angle + move, torch.where(there, states.period, TURN)), 0.0)

    def backward_action(self, states: TorusStates, actions: Tensor, next_states: TorusStates) -> Tensor:
        choice, move = split(actions)
        nothing = self.is_initial(states) | (choice == self.stop_choice)
        return action(torch.zeros_like(choice), move.masked_fill(nothing[:, None], 0.0))

    def forward_action(self, states: TorusStates, backward_actions: Tensor, previous: TorusStates) -> Tensor:
        choice, move = split(backward_actions)
        return action(choice, torch.where((states.clock == 1)[:, None], states.angle, move))

    def chart(self, states: TorusStates) -> Turns:
        return Turns(states.period, torch.ones_like(states.clock, dtype=torch.bool))

    def backward_chart(self, states: TorusStates) -> Turns:
        return Turns(states.period, states.clock > 1)

    def angles_shown(self, states: TorusStates) -> Tensor:
        """Sines and cosines of the angles as shares of their periods, float64 [B, d, 2 harmonics]; 0 for none."""
        there = states.period > 0
        turn = states.angle * TURN / torch.where(there, states.period, TURN)
        order = torch.arange(1, self.harmonics + 1, device=turn.device, dtype=turn.dtype)
        waves = turn[..., None] * order
        return torch.where(there[..., None], torch.cat([waves.sin(), waves.cos()], -1), 0.0)

    def clock_shown(self, states: TorusStates) -> Tensor:
        """The clock, one-hot, float64 [B, steps + 1]."""
        return torch.nn.functional.one_hot(states.clock, self.moves + 1).to(states.angle.dtype)

    def encode(self, states: TorusStates) -> Any:
        shown = torch.cat([self.angles_shown(states).flatten(1), self.clock_shown(states)], 1)
        return shown.to(torch.get_default_dtype())

    def objects(self, states: TorusStates) -> Tensor:
        return states.angle.cpu()

    def states_of(self, objects: Tensor) -> TorusStates:
        angle = torch.as_tensor(objects, dtype=torch.float64)
        if angle.dim() != 2 or angle.shape[1] != self.dimensions or not angle.isfinite().all():
            raise DataError(f"torus: angles of shape {tuple(angle.shape)}; it takes finite ones [B, {self.dimensions}]")
        source = self.initial(len(angle), angle.device)
        clock = torch.full_like(source.clock, self.moves)
        return self._turned_to(replace(source, clock=clock), angle)

    def _turned_to(self, states: TorusStates, angle: Tensor) -> TorusStates:
        return replace(states, angle=self._turned(replace(states, angle=torch.zeros_like(angle)), angle))

    def terminal_draws(self, objects: Any, seed: int = 0) -> tuple[Self, Tensor]:  # type: ignore[override]
        states = self.states_of(objects)
        clock, weight = self.drawn_clock(len(states), seed)
        return replace(states, clock=clock.to(states.device)), weight  # type: ignore[return-value]
