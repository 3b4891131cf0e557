"""Conformations in the making, and the measure of one turn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.base import States
from molgfn.environments.real_actions import Chart

TURN = 2 * math.pi


@dataclass(frozen=True)
class TorsionStates(States):
    """Some of the torsions of a molecule are set.

    ``molecule``: int64 [B], which of the environment's; ``angle``: float64 [B, D], radians in [-period / 2,
    period / 2), 0 where not set; ``done``: bool [B, D], it is set.
    """

    molecule: Tensor
    angle: Tensor
    done: Tensor


@dataclass(frozen=True)
class OneTorsion(Chart):
    """The choice k sets torsion k: a place is its angle times 2 pi over its period, the reference measure d phi.

    Attributes:
        period: float64 [B, D], radians; 0 where a molecule has fewer torsions.
        moving: whether there is a density; backward, where the angle is taken off, it is a point mass.
    """

    period: Tensor
    moving: bool

    def active(self, choice: Tensor) -> Tensor:
        if not self.moving:
            return torch.zeros_like(self.period, dtype=torch.bool)
        return choice[:, None] == torch.arange(self.period.shape[1], device=choice.device)

    def move(self, choice: Tensor, place: Tensor) -> Tensor:
        return torch.where(self.active(choice), wrapped(place * self.period / TURN, self.period), 0.0)

    def place(self, choice: Tensor, move: Tensor) -> tuple[Tensor, Tensor]:
        active = self.active(choice)
        period = torch.where(active & (self.period > 0), self.period, TURN)
        return wrapped(move * TURN / period, TURN), torch.where(active, (period / TURN).log(), 0.0).sum(1)


def wrapped(angle: Tensor, period: Tensor | float) -> Tensor:
    """``angle`` in [-period / 2, period / 2); 0 where the period is."""
    if isinstance(period, Tensor):
        there = period > 0
        period = torch.where(there, period, TURN)
        return torch.where(there, torch.remainder(angle + period / 2, period) - period / 2, 0.0)
    return torch.remainder(angle + period / 2, period) - period / 2
