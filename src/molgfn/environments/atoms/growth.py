"""What two types of atoms may do with each other, as tables; and the room that atoms without hydrogens need.

An atom of a type without hydrogens (S4, S6, P5 ...) has to be filled by bonds before a molecule is finished. So that
there is always a way to do so, a state is legal only where its atoms and those that would fill what is open are no more
than N. *need* of a type with f free valences is the fewest atoms that fill them: n(0) = 0, n(f) = min over orders o of
(the cheapest atom bonded by o, with what it needs itself) + n(f - o).

Room is kept for ring bonds too, as if each were taken away: with r(i) = n(free valence of i) + sum over ring bonds at i
of n(order), a state is legal where (number of atoms) + (sum of r(i)) <= N. This is a property of the state that every
way back keeps:

* A terminal atom with order o goes, its neighbour has o more to fill: n(f + o) <= n(f) + n(o), and n(o) is at most what
  the atom that went costs with its own need.
* A ring bond of order o goes: n(f + o) <= n(f) + n(o), and n(o) was in r. Bonds that are in a ring no more lower r.

And every state that is not filled has a way forward: the atom by which the minimum in n(free) is reached takes as much
from n(free) as it costs, so the sum stays.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Literal, Self, get_args

import numpy as np
import torch
from torch import Tensor

from molgfn.chemistry.atoms.bond_patterns import BondPattern
from molgfn.chemistry.atoms.rules import AtomRules, AtomType
from molgfn.environments.atoms.link_costs import link_costs
from molgfn.environments.atoms.starts import Start
from molgfn.errors import ConfigError

#: what may be forbidden beside valences; see ``Atoms``
Forbidden = Literal["peroxides", "halogen_heteroatom", "nitrogen_chains", "like_charges", "cumulated", "strained"]
ALL_FORBIDDEN: tuple[Forbidden, ...] = get_args(Forbidden)
#: stands for a need that nothing meets
NEVER = 1 << 20
_HALOGENS = frozenset({9, 17, 35, 53})


class GrowthTables:
    """Look-up tables by type; row 0 is that of slots without an atom. V is the highest valence, T the number of types.

    Options of the what-choice are first the atoms that can be added (``n_adds`` pairs of a type and an order), then the
    orders by which a ring can be closed.

    Attributes:
        orders: allowed orders, ascending.
        n_adds, n_options: see above; n_options is K.
        option_type, option_order: int64 [K]; the type (from 1; 0 of closures) and the order.
        option_of: int64 [T + 1, 4], the option that adds a type by an order.
        first_option: int64 [T + 1], the option that stands for a type as the first atom.
        closure_of: int64 [4], the option that closes a ring by an order.
        valence, need: int64 [T + 1] and [T + 1, V + 1], atoms needed to fill so many free valences.
        whole: bool [T + 1], types without hydrogens.
        nitrogen: bool [T + 1].
        allowed: bool [T + 1, T + 1, 4], orders by which two types may be bonded.
        add_cost: int64 [T + 1, V + 1, n_adds], by how much adding it to an atom of a type with so many free valences
            raises the number of atoms and needs; ``NEVER`` where it cannot be.
        first_mask: bool [K], options that stand for the first atom.
        pairs, pair_numbers: int64 [2, P] and [P], pairs of slots, the lower one first, and their numbers.
        any_whole: whether there is a type without hydrogens.
        hypervalent: bool [T + 1], types without hydrogens apart from points of a scaffold that have to be filled.
        linked: type (from 1) of the node that stands for a linked part, 0 for none.
        link_cost: int64 [T + 1, V + 1], see ``link_costs``; empty without a linked part.
        kept: bool [N], slots of the scaffold.
    """

    def __init__(self, start: Start, *, orders: Collection[int], forbid: Collection[str], max_atoms: int) -> None:
        patterns = bond_patterns(forbid)
        types, ordinary = start.types, len(start.rules.types)
        highest = AtomRules(start.bases).max_order
        self.orders = tuple(sorted(orders))
        t, v = len(types), max(type_.valence for type_ in types)
        valence = np.array([0, *(x.valence for x in types)])
        whole = np.array([False, *(x.saturated for x in types)])
        allowed = np.zeros((t + 1, t + 1, 4), dtype=bool)
        for a, one in enumerate(types, start=1):
            for b, other in enumerate(types, start=1):
                fits = not _excluded(start.bases[a - 1], start.bases[b - 1], forbid) and not start.kept_apart(
                    a - 1, b - 1
                )
                most = highest[a - 1, b - 1] if max(a, b) <= ordinary else 1
                for order in self.orders:
                    kept = not any(p.matches(start.bases[a - 1], start.bases[b - 1], order) for p in patterns)
                    allowed[a, b, order] = fits and kept and order <= min(most, one.valence, other.valence)
        filling = allowed.copy()
        filling[:, ordinary + 1 :] = False  # what is there from the beginning fills nothing
        need = _needs(valence, whole, filling, v)
        problems = [
            f"types: nothing in these types can fill {x.name}, which has no hydrogens"
            for i, x in enumerate(types, start=1)
            if need[i, x.valence] >= NEVER
        ]
        added = [*range(1, ordinary + 1), *([] if start.linked is None else [start.linked + 1])]
        adds = [(a, o) for a in added for o in self.orders if o <= types[a - 1].valence]
        problems += [
            f"types: {x.name} has valence {x.valence}, which no order in orders ({list(self.orders)}) fits"
            for a, x in enumerate(start.rules.types, start=1)
            if all(a != b for b, _ in adds)
        ]
        problems += [
            f"max_atoms ({max_atoms}): {x.name} and the atoms that fill it are {1 + need[i, x.valence]}"
            for i, x in enumerate(start.rules.types, start=1)
            if max_atoms < 1 + need[i, x.valence] < NEVER
        ]
        if problems:
            raise ConfigError(problems)
        closures = [o for o in self.orders if allowed[:, :, o].any()]
        options = adds + [(0, o) for o in closures]
        self.n_adds, self.n_options = len(adds), len(options)
        self.option_type = torch.tensor([a for a, _ in options])
        self.option_order = torch.tensor([o for _, o in options])
        self.option_of = torch.zeros(t + 1, 4, dtype=torch.int64)
        self.first_option = torch.zeros(t + 1, dtype=torch.int64)
        self.closure_of = torch.zeros(4, dtype=torch.int64)
        for k, (a, o) in reversed(list(enumerate(options))):
            if a:
                self.option_of[a, o] = self.first_option[a] = k
            else:
                self.closure_of[o] = k
        add_cost = np.full((t + 1, v + 1, len(adds)), NEVER)
        for k, (b, o) in enumerate(adds):
            own = 1 + need[b, valence[b] - o]
            for a in range(1, t + 1):
                for free in range(o, valence[a] + 1):
                    if allowed[a, b, o]:
                        add_cost[a, free, k] = own + need[a, free - o] - need[a, free]
        self.valence, self.whole = torch.from_numpy(valence), torch.from_numpy(whole)
        self.need, self.allowed = torch.from_numpy(need), torch.from_numpy(allowed)
        self.nitrogen = torch.tensor([False, *(x.atomic_number == 7 for x in types)])
        self.add_cost = torch.from_numpy(add_cost)
        self.first_mask = torch.zeros(len(options), dtype=torch.bool)
        self.first_mask[self.first_option[1:]] = True
        self.pairs = torch.triu_indices(max_atoms, max_atoms, 1)
        self.pair_numbers = torch.arange(self.pairs.shape[1])
        self.any_whole = bool(whole.any())
        self.hypervalent = torch.tensor([False, *(x.saturated for x in start.bases)])
        self.linked = 0 if start.linked is None else start.linked + 1
        self.link_cost = torch.zeros(0, dtype=torch.int64)
        if self.linked:
            self.link_cost = torch.from_numpy(link_costs(self.linked, ordinary, valence, allowed, need, NEVER))
        kept = torch.zeros(max_atoms, dtype=torch.bool)
        kept[: start.m] = True
        self.kept = kept

    def on(self, device: torch.device) -> Self:
        """The same tables on a device; they move once, when a batch there first comes by."""
        if self.valence.device != device:
            for name, value in list(vars(self).items()):
                if isinstance(value, Tensor):
                    setattr(self, name, value.to(device))
        return self


def bond_patterns(forbid: Collection[str]) -> list[BondPattern]:
    """What of ``forbid`` is a bond between two atoms, and no name.

    Raises:
        ConfigError: it is neither, or there twice.
    """
    problems, patterns = [], []
    for text in [text for text in forbid if text not in ALL_FORBIDDEN]:
        try:
            patterns.append(BondPattern.parse(text))
        except ConfigError as error:
            near = difflib.get_close_matches(text, ALL_FORBIDDEN, 1)
            named = f"the nearest name is '{near[0]}'" if near else f"names are {', '.join(ALL_FORBIDDEN)}"
            problems.append(f"forbid: {error}; {named}")
    if problems:
        raise ConfigError(problems)
    return patterns


def _excluded(one: AtomType, other: AtomType, forbid: Collection[str]) -> bool:
    """Whether atoms of the two types may not be bonded to each other at all."""
    numbers = {one.atomic_number, other.atomic_number}
    if "peroxides" in forbid and numbers == {8}:
        return True
    if "like_charges" in forbid and one.charge * other.charge > 0:
        return True
    if "halogen_heteroatom" in forbid:
        for halogen, bare in ((one, other), (other, one)):
            hetero = bare.atomic_number in {7, 8} | _HALOGENS or (bare.atomic_number in {16, 34} and not bare.saturated)
            if halogen.atomic_number in _HALOGENS and hetero and not halogen.saturated:
                return True
    return False


def _needs(valence: np.ndarray, whole: np.ndarray, allowed: np.ndarray, most: int) -> np.ndarray:
    """``need``: the least solution of its equations, from above, as shortest ways are found."""
    need = np.where(whole[:, None], NEVER, 0) * (np.arange(most + 1) > 0)
    for _ in range(len(valence) * (most + 1)):
        before = need.copy()
        for a in np.flatnonzero(whole).tolist():
            for free in range(1, most + 1):
                for b, o in zip(*np.nonzero(allowed[a]), strict=True):
                    if o <= free and o <= valence[b]:
                        need[a, free] = min(need[a, free], 1 + need[b, valence[b] - o] + need[a, free - o], NEVER)
        if (need == before).all():
            break
    return need


def check_orders(orders: Sequence[int]) -> None:
    """Raises ``ConfigError`` where these are no orders of bonds."""
    if not orders or len(set(orders)) < len(orders) or not set(orders) <= {1, 2, 3}:
        raise ConfigError(f"orders: should be some of 1, 2 and 3, each once, for example [1, 2, 3]; is {list(orders)}")
