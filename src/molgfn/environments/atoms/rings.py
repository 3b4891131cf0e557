"""Ring bonds, ways between atoms, and what a removed bond does to the rings: whole batches, by linear algebra.

Of a connected graph with Laplacian L, let G = (L + J / n)^-1 (J of ones), which is the pseudo-inverse of L up to a
constant. The effective resistance R(i, j) = G_ii + G_jj - 2 G_ij of a bond is 1 exactly where it is a bridge; a bond in
a ring of l atoms has R <= (l - 1) / l <= 1 - 1 / N, so that the test R < 1 - 1 / (2 N) is exact as long as G is right
to 1 / (8 N), which double precision is by ten orders of magnitude (L + J / n has a condition number below n^2 + 8).

A bridge (u, v) parts the atoms: G_iu - G_iv is the share of the atoms that are not on the side of i, with the sign of
its side, so that it is at least 1 / n from 0. The sum of weights w over the bridges between i and j is that over the
bridges of which they are on two sides: ``along``.

Reference: Kirchhoff's matrix-tree theorem; R of a bond is the probability that it is in a random spanning tree (e.g.
Lyons and Peres, Probability on Trees and Networks, chapter 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from molgfn.environments.atoms.states import AtomStates


def waits(device: torch.device) -> bool:
    """Whether the host may look at what was computed, as on a CPU; it does not wait for another device."""
    return device.type == "cpu"


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
        deepest = int(self.degree.max()) if self.waits and len(self.real) else width - 1
        slots = torch.arange(width, device=self.real.device)
        return torch.where(self.joined, slots, width).sort(2).values[:, :, : max(deepest, 1)]

    @cached_property
    def count(self) -> Tensor:
        """int64 [B], number of independent rings (bonds - atoms + 1); 0 for the empty graph."""
        atoms = self.real.sum(1)
        return self.degree.sum(1) // 2 - atoms + (atoms > 0)

    @cached_property
    def none(self) -> bool:
        """Whether no graph is known to have a ring; False where the host would have to wait."""
        return self.waits and not bool(self.count.any())

    @cached_property
    def green(self) -> Tensor:
        """float64 [B, N, N], G; slots without an atom stand for themselves."""
        real = self.real.double()
        atoms = real.sum(1).clamp(min=1)
        matrix = real[:, :, None] * (real / atoms[:, None])[:, None, :] - self.joined.double()
        torch.diagonal(matrix, dim1=1, dim2=2).add_(self.degree.double() + (1 - real))
        return torch.linalg.inv_ex(matrix)[0]

    @cached_property
    def ring_bond(self) -> Tensor:
        """bool [B, N, N], bonds in a ring."""
        if self.none:
            return torch.zeros_like(self.joined)
        diagonal = torch.diagonal(self.green, dim1=1, dim2=2)
        resistance = diagonal[:, :, None] + diagonal[:, None, :] - 2 * self.green
        return self.joined & (resistance < 1 - 1 / (2 * self.real.shape[1]))

    @cached_property
    def in_ring(self) -> Tensor:
        """bool [B, N], atoms in a ring."""
        return self.ring_bond.any(2)

    @cached_property
    def bridges(self) -> tuple[Tensor, Tensor, Tensor]:
        """Ends of the bridges, int64 [B, M] each (0 where there is none), and float [B, N, M], the side of each that an
        atom is on: 1 that of the first end, -1 the other, and 0 where there is no bridge.
        """
        width = self.real.shape[1]
        i, j = torch.triu_indices(width, width, 1, device=self.real.device)
        there = (self.joined & ~self.ring_bond)[:, i, j]
        most = int(there.sum(1).max()) if self.waits and len(there) else width - 1
        ends, there = packed(there, torch.stack([i, j], 1), most)
        u, v = ends.unbind(2)
        shape = -1, width, -1
        potential = self.green.gather(2, u[:, None].expand(shape)) - self.green.gather(2, v[:, None].expand(shape))
        return u, v, potential.sign().float() * there[:, None]

    def at_ends(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Of ``values`` [B, N] those of both ends of the ``bridges``, [B, M] each."""
        u, v, _ = self.bridges
        return values.gather(1, u), values.gather(1, v)

    def at_bridges(self, values: Tensor) -> Tensor:
        """Of ``values`` [B, N, N] those of the ``bridges``, [B, M]."""
        u, v, _ = self.bridges
        return values.flatten(1).gather(1, u * values.shape[2] + v)

    def at(self, row: Tensor) -> Rings:
        """Those of the graphs ``row`` int64 [R], with what is known of them already."""
        part = Rings(self.real[row], self.joined[row])
        known = {
            name: vars(self)[name][row] for name in ("green", "ring_bond", "degree", "count") if name in vars(self)
        }
        vars(part).update(known)
        if "bridges" in vars(self):
            vars(part)["bridges"] = tuple(x[row] for x in self.bridges)
        return part

    def along(self, weight: Tensor, at: tuple[Tensor, Tensor, Tensor] | None = None) -> Tensor:
        """The sum of ``weight`` [B, M] (whole numbers) over those of the ``bridges`` that are between two atoms.

        float32 [B, N, N], exact up to 2^24; or [m] for the pairs ``at``: rows and two atoms, int64 [m] each.
        """
        side = self.bridges[2]
        own = weight.float() * side[:, 0].abs()  # where a bridge is, the first atom is there
        if at is None:
            return _parted(own, side)
        row, i, j = at
        if not self.waits:
            return _parted(own, side)[row, i, j]
        # on a CPU only graphs with such bridges are looked at
        some = own.any(1)
        which, found = some[row].nonzero().squeeze(1), own.new_zeros(len(row))
        if len(which):
            place = some.cumsum(0) - 1
            found[which] = _parted(own[some], side[some])[place[row[which]], i[which], j[which]]
        return found

    @cached_property
    def in_system(self) -> Tensor:
        """int64 [B, N], independent rings of the ring system that each atom is in (what ring bonds connect)."""
        if self.none:
            return torch.zeros_like(self.degree)
        apart = self.along(torch.ones_like(self.bridges[0]))
        together = ((apart < 0.5) & self.real[:, None, :] & self.real[:, :, None]).float()
        ends = torch.bmm(together, self.ring_bond.sum(2)[:, :, None].float()).squeeze(2)
        return (ends / 2 - together.sum(2)).long() + self.real

    def distances(self, most: int) -> Tensor:
        """Bonds from atom to atom, int64 [B, N, N]; ``most`` + 1 where there are more, or no way."""
        width = self.real.shape[1]
        step = self.joined.float()
        torch.diagonal(step, dim1=1, dim2=2).fill_(1)
        reached = torch.eye(width, device=step.device).expand_as(step)
        within = reached.clone()  # how many of the numbers 0 to ``most`` are enough
        for _ in range(most):
            reached = torch.bmm(reached, step).clamp_(max=1)
            within += reached
        return (most + 1 - within).long()

    @property
    def waits(self) -> bool:
        """See ``waits``."""
        return waits(self.real.device)


def _parted(weight: Tensor, side: Tensor) -> Tensor:
    """[B, N, N]: the sum of ``weight`` [B, M] over the bridges of which two atoms are on different sides."""
    alike = torch.bmm(side * weight[:, None], side.transpose(1, 2))
    return (weight.sum(1)[:, None, None] - alike) / 2


def packed(there: Tensor, values: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """The ``values`` [P, c] whose entries in ``there`` bool [B, P] are True, moved to the front.

    Args:
        there: what is there.
        values: what it is.
        slots: M, at least as many as there are anywhere.

    Returns:
        int64 [B, M, c], 0 where there is none, and bool [B, M].
    """
    batch, count = len(there), there.sum(1)
    place = torch.where(there, there.cumsum(1) - 1, slots).clamp(max=slots)  # what is not there goes into a last slot
    found = values.new_zeros(batch, slots + 1, values.shape[1])
    found.scatter_(1, place[:, :, None].expand(-1, -1, values.shape[1]), values.expand(batch, -1, -1))
    return found[:, :slots], torch.arange(slots, device=there.device) < count[:, None]
