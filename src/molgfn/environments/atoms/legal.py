"""What may be done at each of B graphs; every rule is a property of the state that a step leads to.

All rules but the largest size of rings are kept by whatever is taken away (an atom at the end, a ring bond): sizes,
valences, forbidden neighbours, the smallest ring, numbers of rings, and the room of ``growth``. So each state that has
them is reached in every order, and backward steps need no look at them. For the largest ring see ``ring_limits``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from molgfn.environments.atoms.growth import Forbidden, GrowthTables
from molgfn.environments.atoms.linking import keeping_adds, keeping_closures, link_first
from molgfn.environments.atoms.ring_limits import removable
from molgfn.environments.atoms.rings import Rings
from molgfn.environments.atoms.states import AtomStates

#: distances that pairs of atoms are told apart by; what is further counts as this
FARTHEST = 8


@dataclass(frozen=True)
class Limits:
    """What is allowed beside the tables of ``growth``; see ``Atoms``."""

    max_atoms: int
    min_atoms: int
    smallest_ring: int
    largest_ring: int | None
    max_rings: int | None
    max_fused: int | None
    forbid: frozenset[Forbidden]
    scaffold: bool = False

    @property
    def farthest(self) -> int:
        """Distances up to which are known."""
        return min(self.max_atoms - 1, max(FARTHEST, self.largest_ring or 0, self.smallest_ring))


class Legal(NamedTuple):
    """Forward actions at B graphs. P pairs of slots, K_a options that add an atom.

    Attributes:
        stop: bool [B].
        first: bool [B], the first atom may be placed.
        adds: bool [B, N, K_a], what may be bonded to each atom.
        closures: bool [B, P, 4], orders (0 never) by which two atoms may be joined.
    """

    stop: Tensor
    first: Tensor
    adds: Tensor
    closures: Tensor


class Facts:
    """What several rules read of B graphs.

    Attributes:
        types: int64 [B, N].
        n: int64 [B], atoms.
        free: int64 [B, N], valence that is not yet bonds.
        rings: where the rings are.
        doubles: int64 [B, N], double bonds at atoms that have hydrogens.
        nitrogens: int64 [B, N], nitrogens bonded to each atom.
    """

    def __init__(self, states: AtomStates, tables: GrowthTables) -> None:
        self.states, self.tables = states, tables
        self.types = states.types
        self.n = states.n
        self.free = tables.valence[states.types] - states.bonds.sum(2)
        self.rings = Rings.of(states)

    @property
    def with_hydrogens(self) -> Tensor:
        return ~self.tables.hypervalent[self.types]

    @property
    def doubles(self) -> Tensor:
        return (self.states.bonds == 2).sum(2) * self.with_hydrogens

    @property
    def nitrogens(self) -> Tensor:
        return (self.rings.joined & self.tables.nitrogen[self.types][:, None, :]).sum(2)

    @property
    def linear(self) -> Tensor:
        """bool [B, N]: atoms with a triple bond or two double ones (of types that have hydrogens)."""
        return ((self.states.bonds == 3).any(2) & self.with_hydrogens) | (self.doubles >= 2)

    def ring_need(self, bonds: Tensor) -> Tensor:
        """int64 [B, N, N]: atoms that would fill the first atom (and the second) of each of ``bonds`` without it."""
        need = self.tables.need[self.types]  # [B, N, V + 1]
        orders = self.states.bonds.long().clamp(max=need.shape[2] - 1)
        return need.gather(2, orders) * (bonds & ~self.tables.fixed)

    def room(self, max_atoms: int) -> Tensor:
        """int64 [B], atoms that may still be added and are not kept for what has to be filled; see ``growth``."""
        left = max_atoms - self.n
        if not self.tables.any_whole:
            return left
        need = self.tables.need[self.types].gather(2, self.free.clamp(min=0)[:, :, None]).squeeze(2)
        return left - need.sum(1) - self.ring_need(self.rings.ring_bond).sum((1, 2))

    def filled(self) -> Tensor:
        """bool [B]: no atom without hydrogens has a free valence."""
        return ~(self.tables.whole[self.types] & (self.free > 0)).any(1)


def forward(facts: Facts, limits: Limits, pairs: Tensor, far: Tensor) -> Legal:
    """Legal forward actions.

    Args:
        facts: about the states.
        limits: what is allowed.
        pairs: int64 [2, P], slots.
        far: int64 [B, P], distances of pairs up to ``limits.farthest``.
    """
    tables, types, free = facts.tables, facts.types, facts.free
    forbid, rings = limits.forbid, facts.rings
    room = facts.room(limits.max_atoms)
    cost = tables.add_cost[types, free.clamp(min=0)]
    adds = cost <= room[:, None, None]
    if tables.linked:
        adds = adds & keeping_adds(facts, cost, room)
    order = tables.option_order[: tables.n_adds]
    if "cumulated" in forbid:
        adds = adds & ~((facts.doubles > 0)[:, :, None] & (order == 2))
    if "strained" in forbid:
        bent = facts.with_hydrogens & rings.in_ring
        adds = adds & ~(bent[:, :, None] & ((order == 3) | ((facts.doubles > 0)[:, :, None] & (order == 2))))
    if "nitrogen_chains" in forbid:
        chain = tables.nitrogen[types] & (facts.nitrogens > 0)
        adds = adds & ~(chain[:, :, None] & tables.nitrogen[tables.option_type[: tables.n_adds]])
    closures = _closures(facts, limits, pairs, far, room)
    first = facts.n == 0
    more = adds.flatten(1).any(1) | closures.flatten(1).any(1)
    stop = ~first & facts.filled() & ((facts.n >= limits.min_atoms) | ~more)
    if tables.linked:
        stop = stop & ~link_first(tables, facts)
    return Legal(stop, first, adds, closures)


def _closures(facts: Facts, limits: Limits, pairs: Tensor, far: Tensor, room: Tensor) -> Tensor:
    tables, types, free = facts.tables, facts.types, facts.free
    forbid, rings = limits.forbid, facts.rings
    i, j = pairs
    orders = torch.arange(4, device=types.device)
    able = torch.minimum(free[:, i], free[:, j])
    reach = (far >= limits.smallest_ring - 1) & (far >= 2)
    if limits.largest_ring is not None:
        reach = reach & (far < limits.largest_ring)
        if limits.scaffold:  # no ring goes through it; see ``Atoms``
            leaving = tables.kept[:, None] ^ tables.kept
            apart = (rings.along(leaving & rings.joined) < 0.5)[:, i, j]
            reach = reach & apart & ~tables.kept[i] & ~tables.kept[j]
    if limits.max_rings is not None:
        reach = reach & (rings.count < limits.max_rings)[:, None]
    found = tables.allowed[types[:, i], types[:, j]] & reach[:, :, None] & (able[:, :, None] >= orders) & (orders > 0)
    if limits.max_fused is not None:
        systems = rings.in_system()
        both = systems[:, :, None] + systems[:, None, :]  # of a bridge: half of each is on either side
        along = (rings.along(both) + both)[:, i, j] / 2
        found = found & (along.round() < limits.max_fused)[:, :, None]
    if "cumulated" in forbid or "strained" in forbid:
        double = facts.doubles > 0
        found = found & ~((double[:, i] | double[:, j])[:, :, None] & (orders == 2))
    if "strained" in forbid:
        linear = facts.linear
        ends = linear[:, :, None] | linear[:, None, :]
        bent = facts.with_hydrogens
        found = found & ((rings.along(ends) < 0.5) & ~ends)[:, i, j][:, :, None]
        found = found & ~((bent[:, i] | bent[:, j])[:, :, None] & (orders == 3))
    if "nitrogen_chains" in forbid:
        nitrogen, chain = tables.nitrogen[types], facts.nitrogens > 0
        joins = nitrogen[:, i] & nitrogen[:, j] & (chain[:, i] | chain[:, j])
        found = found & ~joins[:, :, None]
    if tables.any_whole or tables.linked:
        need = tables.need[types]  # [B, N, V + 1]
        open_ = need.gather(2, free.clamp(min=0)[:, :, None])
        less = need.gather(2, (free[:, :, None] - orders).clamp(min=0))
        each = less - open_ + need[:, :, orders.clamp(max=need.shape[2] - 1)]  # [B, N, 4]
        bridges = facts.ring_need(rings.joined)
        path = rings.along(bridges + bridges.transpose(1, 2)).round()
        cost = each[:, i] + each[:, j] + path[:, i, j].long()[:, :, None]
        found = found & (cost <= room[:, None, None])
        if tables.linked:
            found = found & keeping_closures(facts, pairs, cost, room)
    return found


def backward(facts: Facts, limits: Limits) -> tuple[Tensor, Tensor]:
    """Atoms that may be taken away, bool [B, N], and ring bonds, bool [B, N, N]."""
    kept, fixed = facts.tables.kept, facts.tables.fixed
    atoms = facts.rings.real & (facts.rings.degree <= 1) & ~kept
    if limits.largest_ring is not None:
        return atoms, removable(facts.rings, limits.largest_ring) & ~fixed
    return atoms, facts.rings.ring_bond & ~fixed
