"""Directions of a step of fixed length that stays inside a box: an arc of the unit sphere's positive part."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.real_actions import Chart

#: narrowest range of an angle, so that logarithms and quotients stay finite
NARROW = 1e-12


@dataclass(frozen=True)
class Arcs(Chart):
    """Moves of a step from B points into the positive orthant, the components of each move at most ``room``.

    The direction n, |n| = 1, n >= 0, is written by d - 1 angles: n_k = rho_k cos phi_k, rho_{k+1} = rho_k sin phi_k,
    rho_1 = 1, n_d = rho_d. Of each the room leaves an interval that depends on the ones before it: cos phi_k is at most
    min(1, c_k / rho_k), c = room / length, and at least sqrt(max(0, rho_k^2 - sum_{j>k} c_j^2)) / rho_k, or what is
    left over would not fit. The places of the angles are their shares of these intervals. In two dimensions that is the
    arc of Lahlou et al. (arXiv 2301.12594, appendix D).

    The first coordinate is the length, as the share of ``length``, where ``free``: then the step is a point of the
    positive part of a ball, and the reference measure is Lebesgue's. Elsewhere the length is fixed, the coordinate is
    not active, and the reference measure is the surface of the unit sphere.

    Attributes:
        room: float64 [B, d], how far each coordinate may move.
        length: of a step.
        free: bool [B], the length is drawn, too.
        moving: bool [B], there is a density at all; elsewhere the step is a point mass.
        moves: the choice that is a move.
    """

    room: Tensor
    length: float
    free: Tensor
    moving: Tensor
    moves: int = 0

    def active(self, choice: Tensor) -> Tensor:
        going = self.moving & (choice == self.moves)
        angles = going[:, None].expand(-1, self.room.shape[1] - 1)
        return torch.cat([(going & self.free)[:, None], angles], 1)

    def move(self, choice: Tensor, place: Tensor) -> Tensor:
        cap, rest = self._caps()
        rho, parts = torch.ones_like(cap[:, 0]), []
        for k in range(cap.shape[1] - 1):
            low, high = _range(rho, cap[:, k], rest[:, k + 1])
            phi = low + place[:, k + 1] * (high - low)
            parts.append(rho * phi.cos())
            rho = rho * phi.sin()
        direction = torch.stack([*parts, rho], 1)
        length = torch.where(self.free, place[:, 0] * self.length, self.length)
        going = self.moving & (choice == self.moves)
        return torch.where(going[:, None], direction * length[:, None], 0.0)

    def place(self, choice: Tensor, move: Tensor) -> tuple[Tensor, Tensor]:
        going = self.moving & (choice == self.moves)
        length = move.norm(dim=1)
        known = going & (length > 0)
        diagonal = math.sqrt(1 / move.shape[1])  # any direction, where there is none
        direction = torch.where(known[:, None], move / torch.where(known, length, 1.0)[:, None], diagonal)
        cap, rest = self._caps()
        d = cap.shape[1]
        # from the last component up: what is left over after the first k, without a difference of squares
        left = direction.square().flip(1).cumsum(1).flip(1).sqrt()
        share = length / self.length
        places = [torch.where(self.free, share, 0.5)]
        volume = torch.where(self.free, math.log(self.length) + (d - 1) * length.clamp(min=1e-300).log(), 0.0)
        for k in range(d - 1):
            low, high = _range(left[:, k], cap[:, k], rest[:, k + 1])
            phi = torch.atan2(left[:, k + 1], direction[:, k])
            places.append((phi - low) / (high - low))
            volume = volume + (high - low).log()
            if k < d - 2:  # the surface of the sphere
                volume = volume + (d - 2 - k) * phi.sin().clamp(min=1e-300).log()
        wrong = going & ~self.free & ((share - 1).abs() > 1e-6)
        place = torch.where(wrong[:, None], 2.0, torch.stack(places, 1))
        return torch.where(going[:, None], place, 0.5), torch.where(going, volume, 0.0)

    def _caps(self) -> tuple[Tensor, Tensor]:
        """Largest components of a direction [B, d]; and the sum of the squares of those from k on, [B, d]."""
        cap = torch.where(self.free[:, None], 1.0, (self.room / self.length).clamp(0, 1))
        return cap, cap.square().flip(1).cumsum(1).flip(1)


def _range(rho: Tensor, cap: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    """Least and largest angle whose cosine, times rho, is a component that fits, float64 [B] each."""
    rho = rho.clamp(min=1e-150)
    low = (cap / rho).clamp(max=1.0).arccos()
    least = (rho.square() - rest).clamp(min=0).sqrt()
    high = (least / rho).clamp(max=1.0).arccos()
    return low, torch.maximum(high, low + NARROW)
