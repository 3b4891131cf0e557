"""Angles that are turned one after the other, in any order: which one or stop, then by how much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from molgfn.environments.base import States
from molgfn.environments.real_actions import Chart, RealActions, Space, action, midpoints, split
from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.point import POINT

#: where the exit is legal
Stop = Literal["anywhere", "all_turned"]


@dataclass(frozen=True)
class TurnsStates(States):
    """``angle``: float64 [B, d], in [-pi, pi), 0 where it was not turned; ``turned``: bool [B, d]."""

    angle: Tensor
    turned: Tensor


@dataclass(frozen=True)
class OneAngle(Chart):
    """The move of one of d angles, the one that was chosen; the reference measure is Lebesgue's of that angle.

    Attributes:
        dimensions: d.
        moving: there is a density; backward there is none, as an angle goes back to 0.
    """

    dimensions: int
    moving: bool

    def active(self, choice: Tensor) -> Tensor:
        chosen = functional.one_hot(choice, self.dimensions + 1)[:, :-1].bool()
        return chosen if self.moving else torch.zeros_like(chosen)

    def move(self, choice: Tensor, place: Tensor) -> Tensor:
        return torch.where(self.active(choice), place, 0.0)

    def place(self, choice: Tensor, move: Tensor) -> tuple[Tensor, Tensor]:
        return move, torch.zeros_like(move[:, 0])


class Turns(RealActions):
    """d angles, all at 0 at the source: turn one that has not been turned yet (choice i < d, a probability) to an angle
    (a density), or stop (choice d).

    The reference measure of finished objects is the product over angles of a point mass at 0 (it was not turned) and
    Lebesgue's (it was), so that Z is a sum of integrals over all subsets of angles; with ``stop="all_turned"`` the exit
    is legal only after all, and Z is the integral over the torus. Backward one of the turned angles is chosen and goes
    back to 0, a point mass; P_B without parameters chooses evenly. Objects are float64 angles [B, d].

    Args:
        dimensions: d.
        stop: where the exit is legal.
        harmonics: sines and cosines of an angle that ``encode`` shows, beside whether it was turned.
    """

    kind: ClassVar[ObjectKind] = POINT
    encoding: ClassVar[str] = "vector"
    encoded_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    space: ClassVar[Space] = "circle"

    def __init__(
        self,
        *,
        dimensions: Annotated[int, Field(ge=1)] = 2,
        stop: Stop = "anywhere",
        harmonics: Annotated[int, Field(ge=1)] = 5,
    ) -> None:
        self.dimensions = self.n_coordinates = self.n_backward_choices = self.stop_choice = dimensions
        self.n_choices = self.max_steps = dimensions + 1
        self.stop = stop
        self.stops_everywhere = stop == "anywhere"
        self.harmonics = harmonics
        self.bounds = ((-math.pi, math.pi),) * dimensions

    def initial(self, n: int, device: torch.device | str = "cpu") -> TurnsStates:
        angle = torch.zeros(n, self.dimensions, dtype=torch.float64, device=device)
        return TurnsStates(angle, torch.zeros_like(angle, dtype=torch.bool))

    def _chosen(self, choice: Tensor) -> Tensor:
        """bool [B, d], nowhere for the exit."""
        return functional.one_hot(choice, self.dimensions + 1)[:, :-1].bool()

    def step(self, states: TurnsStates, actions: Tensor) -> TurnsStates:
        choice, move = split(actions)
        chosen = self._chosen(choice)
        return TurnsStates(torch.where(chosen, move, states.angle), states.turned | chosen)

    def undo(self, states: TurnsStates, backward_actions: Tensor) -> TurnsStates:
        chosen = self._chosen(split(backward_actions)[0])
        return TurnsStates(states.angle.masked_fill(chosen, 0.0), states.turned & ~chosen)

    def backward_action(self, states: TurnsStates, actions: Tensor, next_states: TurnsStates) -> Tensor:
        choice, move = split(actions)
        return action(choice.clamp(max=self.dimensions - 1), torch.zeros_like(move))

    def forward_action(self, states: TurnsStates, backward_actions: Tensor, previous: TurnsStates) -> Tensor:
        choice, _ = split(backward_actions)
        return action(choice, torch.where(self._chosen(choice), states.angle, 0.0))

    def is_initial(self, states: TurnsStates) -> Tensor:
        return ~states.turned.any(1)

    def choice_mask(self, states: TurnsStates) -> Tensor:
        all_turned = states.turned.all(1, keepdim=True)
        stop = torch.ones_like(all_turned) if self.stops_everywhere else all_turned
        return torch.cat([~states.turned, stop], 1)

    def backward_choice_mask(self, states: TurnsStates) -> Tensor:
        return states.turned

    def chart(self, states: TurnsStates) -> OneAngle:
        return OneAngle(self.dimensions, moving=True)

    def backward_chart(self, states: TurnsStates) -> OneAngle:
        return OneAngle(self.dimensions, moving=False)

    def encode(self, states: TurnsStates) -> Tensor:
        order = torch.arange(1, self.harmonics + 1, device=states.angle.device, dtype=torch.float64)
        waves = states.angle[..., None] * order
        shown = torch.where(states.turned[..., None], torch.cat([waves.sin(), waves.cos()], -1), 0.0)
        return torch.cat([shown.flatten(1), states.turned.double()], 1).to(torch.get_default_dtype())

    def objects(self, states: TurnsStates) -> Tensor:
        return states.angle.cpu()

    def states_of(self, objects: Any) -> TurnsStates:
        angle = torch.as_tensor(objects, dtype=torch.float64)
        if angle.dim() != 2 or angle.shape[1] != self.dimensions or not (angle.abs() <= math.pi).all():
            raise DataError(
                f"turns: angles of shape {tuple(angle.shape)}; it takes [B, {self.dimensions}] in [-pi, pi)"
            )
        turned = angle != 0
        if not (self.stops_everywhere or turned.all()):
            raise DataError("turns: an object has an angle of 0, which was not turned; stop=all_turned has none")
        return TurnsStates(angle, turned)

    def quadrature(self, limit: int) -> tuple[Tensor, Tensor] | None:
        if not self.stops_everywhere:
            return super().quadrature(limit)
        line = midpoints(((-math.pi, math.pi),), int((limit ** (1 / self.dimensions) - 1) + 1e-9))
        if line is None:
            return None
        place, weight = (
            torch.cat([line[0][:, 0], torch.zeros(1).double()]),
            torch.cat([line[1], torch.zeros(1).double()]),
        )
        nodes = torch.cartesian_prod(*[place] * self.dimensions).reshape(-1, self.dimensions)
        return nodes, torch.cartesian_prod(*[weight] * self.dimensions).reshape(len(nodes), -1).sum(1)
