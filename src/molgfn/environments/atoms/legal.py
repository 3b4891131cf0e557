"""What may be done at each of B graphs; every rule is a property of the state that a step leads to.

All rules but the largest size of rings are kept by whatever is taken away (an atom at the end, a ring bond): sizes,
valences, forbidden neighbours, the smallest ring, numbers of rings, and the room of ``growth``. So each state that has
them is reached in every order, and backward steps need no look at them. For the largest ring see ``ring_limits``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from molgfn.environments.atoms.growth import NEVER, GrowthTables
from molgfn.environments.atoms.linking import Linking
from molgfn.environments.atoms.ring_limits import removable
from molgfn.environments.atoms.rings import Rings, waits
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
    most_bonds: int
    forbid: frozenset[str]
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
        closures: int64 [B, P], orders by which two atoms may be joined: bit o - 1 stands for order o.
    """

    stop: Tensor
    first: Tensor
    adds: Tensor
    closures: Tensor


class Facts:
    """What several rules read of B graphs.

    On a CPU slots that no graph of the batch fills are left out: N is then the size of the largest one. P are the pairs
    of the N slots.

    Attributes:
        types: int64 [B, N].
        pairs: int64 [2, P], slots.
        pair_numbers: int64 [P], which of all pairs of ``max_atoms`` slots these are.
        n: int64 [B], atoms.
        free: int64 [B, N], valence that is not yet bonds.
        rings: where the rings are.
        doubles: int64 [B, N], double bonds at atoms that have hydrogens.
        nitrogens: int64 [B, N], nitrogens bonded to each atom.
    """

    def __init__(self, states: AtomStates, tables: GrowthTables, limits: Limits) -> None:
        self.n = states.n
        width = limits.max_atoms
        self.pairs, self.pair_numbers = tables.pairs, tables.pair_numbers
        if waits(states.device) and len(states):
            width = max(int(self.n.max()), 1)
            states = AtomStates(states.types[:, :width], states.bonds[:, :width, :width])
            self.pair_numbers = (tables.pairs[1] < width).nonzero().squeeze(1)
            self.pairs = tables.pairs[:, self.pair_numbers]
        self.states, self.tables, self.limits = states, tables, limits
        self.types = states.types
        self.free = tables.valence[states.types] - states.bonds.sum(2)
        self.rings = Rings.of(states)

    def nowhere(self, found: Tensor) -> bool:
        """Whether a bool tensor is known to be all False; not asked where the host would have to wait."""
        return self.rings.waits and not bool(found.any())

    def every_pair(self) -> tuple[Tensor, Tensor]:
        """Rows and pairs, int64 [B P] each."""
        shape = len(self.n), len(self.pair_numbers)
        axes = (torch.arange(n, device=self.n.device) for n in shape)
        row, pair = (x.flatten() for x in torch.meshgrid(*axes, indexing="ij"))
        return row, pair

    @cached_property
    def far(self) -> Tensor:
        """int64 [B, P], distances of pairs, up to ``limits.farthest``."""
        return self.distances[:, self.pairs[0], self.pairs[1]]

    @cached_property
    def distances(self) -> Tensor:
        """int64 [B, N, N], bonds from atom to atom, up to ``limits.farthest``."""
        return self.rings.distances(self.limits.farthest)

    @cached_property
    def whole(self) -> Tensor:
        """bool [B, N], atoms of types without hydrogens."""
        return self.tables.whole[self.types]

    @property
    def with_hydrogens(self) -> Tensor:
        return ~self.tables.hypervalent[self.types]

    @cached_property
    def linking(self) -> Linking:
        """Of a space with a linked part."""
        return Linking(self.tables, self.types, self.free, self.room)

    @property
    def kept(self) -> Tensor:
        """bool [N], slots of the scaffold."""
        return self.tables.kept[: self.types.shape[1]]

    @property
    def fixed(self) -> Tensor:
        """bool [N, N], pairs of them."""
        return self.kept[:, None] & self.kept

    @cached_property
    def doubles(self) -> Tensor:
        return (self.states.bonds == 2).sum(2) * self.with_hydrogens

    @property
    def nitrogens(self) -> Tensor:
        return (self.rings.joined & self.tables.nitrogen[self.types][:, None, :]).sum(2)

    @property
    def linear(self) -> Tensor:
        """bool [B, N]: atoms with a triple bond or two double ones (of types that have hydrogens)."""
        return ((self.states.bonds == 3).any(2) & self.with_hydrogens) | (self.doubles >= 2)

    def ring_need(self) -> Tensor:
        """int64 [B]: atoms that would fill what each ring bond, taken away alone, leaves open at both ends."""
        need = self.tables.need[self.types]  # [B, N, V + 1]
        orders = self.states.bonds.long().clamp(max=need.shape[2] - 1)
        return (need.gather(2, orders) * (self.rings.ring_bond & ~self.fixed)).sum((1, 2))

    @cached_property
    def room(self) -> Tensor:
        """int64 [B], atoms that may still be added and are not kept for what has to be filled; see ``growth``."""
        left = self.limits.max_atoms - self.n
        if not self.tables.any_whole or self.nowhere(self.whole):
            return left
        need = self.tables.need[self.types].gather(2, self.free.clamp(min=0)[:, :, None]).squeeze(2)
        left = left - need.sum(1)
        return left if self.rings.none else left - self.ring_need()

    def filled(self) -> Tensor:
        """bool [B]: no atom without hydrogens has a free valence."""
        return ~(self.whole & (self.free > 0)).any(1)


def forward(facts: Facts) -> Legal:
    """Legal forward actions."""
    tables, limits, types = facts.tables, facts.limits, facts.types
    forbid, rings = limits.forbid, facts.rings
    adds = (cost := tables.add_cost[types, facts.free.clamp(min=0)]) <= facts.room[:, None, None]
    if tables.linked:
        adds = adds & facts.linking.adds(cost)
    order = tables.option_order[: tables.n_adds]
    if "cumulated" in forbid:
        adds = adds & ~((facts.doubles > 0)[:, :, None] & (order == 2))
    if "strained" in forbid:
        bent = facts.with_hydrogens & rings.in_ring
        adds = adds & ~(bent[:, :, None] & ((order == 3) | ((facts.doubles > 0)[:, :, None] & (order == 2))))
    if "nitrogen_chains" in forbid:
        chain = tables.nitrogen[types] & (facts.nitrogens > 0)
        adds = adds & ~(chain[:, :, None] & tables.nitrogen[tables.option_type[: tables.n_adds]])
    closures = _closures(facts)
    first = facts.n == 0
    more = adds.flatten(1).any(1) | (closures > 0).any(1)
    stop = ~first & facts.filled() & ((facts.n >= limits.min_atoms) | ~more)
    if tables.linked:
        stop = stop & ~facts.linking.pending
    return Legal(stop, first, adds, closures)


def _closures(facts: Facts) -> Tensor:
    """See ``Legal.closures``."""
    tables, limits, types, free = facts.tables, facts.limits, facts.types, facts.free
    forbid, rings, far = limits.forbid, facts.rings, facts.far
    reach = (far >= limits.smallest_ring - 1) & (far >= 2)
    if limits.largest_ring is not None:
        reach = reach & (far < limits.largest_ring)
    if limits.max_rings is not None:
        reach = reach & (rings.count < limits.max_rings)[:, None]
    reach = reach & ((free > 0)[:, facts.pairs[0]] & (free > 0)[:, facts.pairs[1]])
    # m pairs of some rows: those within reach, or all of them where the host does not wait
    row, pair = reach.nonzero(as_tuple=True) if facts.rings.waits else facts.every_pair()
    i, j = facts.pairs[0][pair], facts.pairs[1][pair]
    kind, able = (types[row, i], types[row, j]), torch.minimum(free[row, i], free[row, j])
    orders = torch.arange(4, device=types.device)
    found = tables.allowed[kind] & (able[:, None] >= orders) & reach[row, pair][:, None] & (orders > 0)
    if limits.largest_ring is not None and limits.scaffold:  # no ring goes through it; see ``Atoms``
        one, other = rings.at_ends(facts.kept.expand_as(types))
        apart = rings.along(one ^ other, (row, i, j)) < 0.5
        found = found & (apart & ~facts.kept[i] & ~facts.kept[j])[:, None]
    if limits.max_fused is not None and not facts.nowhere(rings.count >= limits.max_fused):
        one, other = rings.at_ends(systems := rings.in_system)
        # of a bridge: half of each is on either side
        along = (rings.along(one + other, (row, i, j)) + systems[row, i] + systems[row, j]) / 2
        found = found & (along.round() < limits.max_fused)[:, None]
    if "cumulated" in forbid or "strained" in forbid:
        double = facts.doubles > 0
        found = found & ~((double[row, i] | double[row, j])[:, None] & (orders == 2))
    if "strained" in forbid:
        linear, bent = facts.linear, facts.with_hydrogens
        if not facts.nowhere(linear):
            one, other = rings.at_ends(linear)
            clear = rings.along(one | other, (row, i, j)) < 0.5
            found = found & (clear & ~linear[row, i] & ~linear[row, j])[:, None]
        found = found & ~((bent[row, i] | bent[row, j])[:, None] & (orders == 3))
    if "nitrogen_chains" in forbid:
        nitrogen, chain = tables.nitrogen, (facts.nitrogens > 0)
        joins = nitrogen[kind[0]] & nitrogen[kind[1]] & (chain[row, i] | chain[row, j])
        found = found & ~joins[:, None]
    if tables.linked or (tables.any_whole and not facts.nowhere(facts.whole)):
        cost = _closing_costs(facts, (row, i, j), kind)
        found = found & (cost <= facts.room[row][:, None])
        if tables.linked:
            every = torch.full((*reach.shape, 4), NEVER, device=cost.device).index_put((row, pair), cost)
            found = found & facts.linking.closures(facts.pairs, every)[row, pair]
    code = (found * (1 << orders >> 1)).sum(1)
    return torch.zeros_like(far).index_put((row, pair), code)


def _closing_costs(facts: Facts, at: tuple[Tensor, Tensor, Tensor], kind: tuple[Tensor, Tensor]) -> Tensor:
    """int64 [m, 4]: by how much joining two atoms by an order lowers the room (see ``growth``)."""
    need, rings, types = facts.tables.need, facts.rings, facts.types
    row, i, j = at
    orders = torch.arange(4, device=need.device)
    cost = need.new_zeros(len(row), 4)
    for type_, atom in zip(kind, (i, j), strict=True):
        free = facts.free[row, atom][:, None]
        own = need[type_]  # [m, V + 1]
        less = own.gather(1, (free - orders).clamp(min=0)) - own.gather(1, free.clamp(min=0))
        cost = cost + less + own[:, orders.clamp(max=own.shape[1] - 1)]
    u, v, _ = rings.bridges
    order = rings.at_bridges(facts.states.bonds).long().clamp(max=own.shape[1] - 1)
    one, other = (need[end].gather(2, order[:, :, None]).squeeze(2) for end in rings.at_ends(types))
    bridge = (one + other) * ~(facts.kept[u] & facts.kept[v])
    bridge = bridge.clamp(max=facts.limits.max_atoms + 1)  # more is too much
    return cost + rings.along(bridge, at).long()[:, None]


def backward(facts: Facts) -> tuple[Tensor, Tensor]:
    """Atoms that may be taken away, bool [B, N], and ring bonds, bool [B, N, N]."""
    atoms = facts.rings.real & (facts.rings.degree <= 1) & ~facts.kept
    largest, bonds = facts.limits.largest_ring, facts.rings.ring_bond
    if largest is not None and not facts.rings.waits:
        bonds = removable(facts.rings, largest, facts.distances, facts.limits.most_bonds)
    elif largest is not None and not facts.rings.none:
        # rings that share nothing can be opened anywhere, and states of one trajectory have the same rings for long
        row = (facts.rings.in_system > 1).any(1).nonzero().squeeze(1)
        if len(row):
            some, same = bonds[row].unique(dim=0, return_inverse=True)
            first = row.new_empty(len(some)).scatter_(0, same, row)
            far, most = facts.distances[first], facts.limits.most_bonds
            bonds = bonds.index_copy(0, row, removable(facts.rings.at(first), largest, far, most)[same])
    return atoms, bonds & ~facts.fixed
