"""Ring bonds, ways between atoms, and what a removed bond does to the rings: whole batches, by linear algebra.

Of a connected graph with Laplacian L, let G = (L + J / n)^-1 (J of ones), which is the pseudo-inverse of L up to a
constant. The effective resistance R(i, j) = G_ii + G_jj - 2 G_ij of a bond is 1 exactly where it is a bridge; a bond in
a ring of l atoms has R <= (l - 1) / l <= 1 - 1 / N, so that the test R < 1 - 1 / (2 N) is exact as long as G is right
to 1 / (8 N), which double precision is by ten orders of magnitude (L + J / n has a condition number below n^2 + 8).

A unit current from i to j goes whole through each bridge that parts them, and not at all through the others. So for
weights w of the bridges, with W their Laplacian, the sum of w over the bridges between i and j is M_ii + M_jj - 2 M_ij
with M = G W G: ``along``.

Reference: Kirchhoff's matrix-tree theorem; R of a bond is the probability that it is in a random spanning tree (e.g.
Lyons and Peres, Probability on Trees and Networks, chapter 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from molgfn.environments.atoms.states import AtomStates


@dataclass(frozen=True)
class Rings:
    """Where the rings of B graphs are.

    Attributes:
        real: bool [B, N], atoms that are there.
        joined: bool [B, N, N], bonds.
    """

    real: Tensor
    joined: Tensor

    @classmethod
    def of(cls, states: AtomStates) -> Rings:
        """The rings of ``states``."""
        return cls(states.types > 0, states.bonds > 0)

    @cached_property
    def degree(self) -> Tensor:
        """int64 [B, N], bonds of each atom."""
        return self.joined.sum(2)

    @cached_property
    def neighbours(self) -> Tensor:
        """int64 [B, N, D], the atoms that each is bonded to, N where there is none; D of a CPU batch is its highest
        degree.
        """
        width = self.real.shape[1]
        deepest = int(self.degree.max()) if self.real.device.type == "cpu" and len(self.real) else width - 1
        slots = torch.arange(width, device=self.real.device)
        return torch.where(self.joined, slots, width).sort(2).values[:, :, : max(deepest, 1)]

    @cached_property
    def count(self) -> Tensor:
        """int64 [B], number of independent rings (bonds - atoms + 1); 0 for the empty graph."""
        atoms = self.real.sum(1)
        return self.degree.sum(1) // 2 - atoms + (atoms > 0)

    @cached_property
    def green(self) -> Tensor:
        """float64 [B, N, N], G; slots without an atom stand for themselves."""
        real = self.real.double()
        atoms = real.sum(1).clamp(min=1)
        matrix = real[:, :, None] * (real / atoms[:, None])[:, None, :] - self.joined.double()
        diagonal = self.degree.double() + (1 - real)
        return torch.linalg.inv_ex(matrix + torch.diag_embed(diagonal))[0]

    @cached_property
    def ring_bond(self) -> Tensor:
        """bool [B, N, N], bonds in a ring."""
        width = self.real.shape[1]
        if self.real.device.type != "cpu":
            return self.joined & (_between(self.green) < 1 - 1 / (2 * width))
        row, part = self._with_rings
        if part is not self:
            return torch.zeros_like(self.joined).index_copy(0, row, part.ring_bond)
        return self.joined & (_between(self.green) < 1 - 1 / (2 * width))

    @cached_property
    def _with_rings(self) -> tuple[Tensor, Rings]:
        """On a CPU only graphs with rings are looked at: their rows, and they; these themselves where all have some."""
        row = self.count.nonzero().squeeze(1)
        return row, self if len(row) == len(self.real) else self.at(row)

    def at(self, row: Tensor) -> Rings:
        """Those of the graphs ``row`` int64 [R], with what is known of them already."""
        part = Rings(self.real[row], self.joined[row])
        known = {name: vars(self)[name][row] for name in ("green", "ring_bond") if name in vars(self)}
        vars(part).update(known)
        return part

    @cached_property
    def in_ring(self) -> Tensor:
        """bool [B, N], atoms in a ring."""
        return self.ring_bond.any(2)

    def along(self, weight: Tensor, at: tuple[Tensor, Tensor, Tensor] | None = None) -> Tensor:
        """The sum of ``weight`` [B, N, N] (symmetric) over the bridges between two atoms.

        float64 [B, N, N]; or [m] for the pairs ``at``: rows and two atoms, int64 [m] each.
        """
        bridges = (self.joined & ~self.ring_bond) * weight.double()
        if at is None:
            return _between(_weighed(self.green, bridges))
        row, i, j = at
        if self.real.device.type != "cpu":
            return _from_to(_weighed(self.green, bridges), row, i, j)
        # on a CPU only graphs with such bridges are looked at
        some = bridges.flatten(1).any(1)
        which, found = some[row].nonzero().squeeze(1), bridges.new_zeros(len(row))
        if len(which):
            matrix = _weighed(self.green[some], bridges[some])
            place = some.cumsum(0) - 1
            found[which] = _from_to(matrix, place[row[which]], i[which], j[which])
        return found

    def in_system(self) -> Tensor:
        """int64 [B, N], independent rings of the ring system that each atom is in (what ring bonds connect)."""
        if self.real.device.type == "cpu":
            row, part = self._with_rings
            if part is not self:
                return torch.zeros_like(self.degree).index_copy(0, row, part.in_system())
        together = (self.along(torch.ones_like(self.joined)) < 0.5) & self.real[:, None, :] & self.real[:, :, None]
        ends = (together * self.ring_bond.sum(2)[:, None, :]).sum(2)
        return ends // 2 - together.sum(2) + self.real

    def distances(self, most: int) -> Tensor:
        """Bonds from atom to atom, int64 [B, N, N]; ``most`` + 1 where there are more, or no way."""
        step = (self.joined | torch.eye(self.real.shape[1], dtype=torch.bool, device=self.real.device)).float()
        reached = torch.eye(self.real.shape[1], device=self.real.device).expand_as(step)
        far = 1 - reached
        for _ in range(most):
            reached = (torch.bmm(reached, step) > 0).float()
            far = far + (1 - reached)
        return far.long()


def _weighed(green: Tensor, bridges: Tensor) -> Tensor:
    """M [B, N, N] of weighted bridges, see above."""
    return green @ (torch.diag_embed(bridges.sum(2)) - bridges) @ green


def _from_to(matrix: Tensor, row: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """M_ii + M_jj - 2 M_ij at [m] pairs."""
    return matrix[row, i, i] + matrix[row, j, j] - 2 * matrix[row, i, j]


def _between(matrix: Tensor) -> Tensor:
    """M_ii + M_jj - 2 M_ij, [B, N, N]."""
    diagonal = torch.diagonal(matrix, dim1=1, dim2=2)
    return diagonal[:, :, None] + diagonal[:, None, :] - 2 * matrix
