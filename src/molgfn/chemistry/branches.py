"""The branches of a molecule's rigid tree, and in how many ways those at one node meet what a fragment needs there.

A *branch* is what hangs from one cut bond of the rigid tree: a node, the site it is bonded by, and the branches beyond.
A fragment that lies at a node *needs* some of the branches at the node's sites to carry its parts; each need is met by
a branch of its own, and the branches that are not taken are cut off. Sites do not compete for branches, so the ways at
a node are the product of those at its sites, and no two sites are ever looked at together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from molgfn.chemistry.fragment_parts import SITE, AtSite, Fits, Types
from molgfn.chemistry.ways import Ways, add_product, joined, multiply

_NOTHING: Ways = {0: 1}  # there is one way to do nothing
_NONE_TAKEN: dict[int, Ways] = {0: _NOTHING}
#: per site where needs are met (ascending), its place among the occupied ones, and ways by the branches taken there
_Met = tuple[tuple[int, dict[int, Ways]], ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """What is known of a branch.

    Attributes:
        number: equal for isomorphic branches only.
        automorphisms: that keep the site it is bonded by.
        whole: ways to cut it up where the bond to it is cut too, by the type of its point there.
        open: by number of a part of a fragment, ways to have that part at its near end and the rest cut up.
    """

    number: int
    automorphisms: int
    whole: dict[int, Ways]
    open: dict[int, Ways]
    _cut: dict[int, Ways] = field(default_factory=dict)

    def cut_from(self, type_: int, partners: Sequence[Sequence[int]]) -> Ways:
        """The ways of ``whole`` where the point at the other side of the cut bond is of a type.

        Args:
            type_: of that point.
            partners: the types that each type may be joined to.
        """
        found = self._cut.get(type_)
        if found is None:
            found = self._cut[type_] = joined(self.whole, partners[type_])
        return found


class BranchesAtNode:
    """The branches that hang from one node.

    Args:
        sites: of the node, one entry per branch, ascending.
        branches: the branch at each.
        partners: per type of attachment points, the types that it may be joined to.
        most: most fragments of a tree.
    """

    def __init__(
        self, sites: Sequence[int], branches: Sequence[Branch], partners: Sequence[Sequence[int]], most: int
    ) -> None:
        self._most = most
        self._places: dict[int, int] = {}  # site -> which of the occupied ones
        self._at: list[list[Branch]] = []
        self._entries: list[int] = []  # first entry of each place
        for entry, (site, branch) in enumerate(zip(sites, branches, strict=True)):
            if site not in self._places:
                self._places[site] = len(self._at)
                self._entries.append(entry)
                self._at.append([])
            self._at[self._places[site]].append(branch)
        self._cut_off = [_CutOff(here, partners, most) for here in self._at]
        # by need: the branches of its site (as bits) that can meet it, and their ways
        self.offers: dict[AtSite, list[tuple[int, Ways]]] = {}

    def offer(self) -> None:
        """Fill in ``offers``; only what fragments need is asked of it."""
        for site, place in self._places.items():
            for i, branch in enumerate(self._at[place]):
                for part, ways in branch.open.items():
                    self.offers.setdefault(site * SITE + part, []).append((1 << i, ways))

    def lay(self, fits: Fits) -> tuple[dict[int, Ways], dict[int, Ways]]:
        """Ways of what lies at the node and of all that hangs from it, by the keys of ``fits``.

        Returns:
            Whole fragments by the type of their point towards the root, and open parts by number.
        """
        if fits.further:
            self.offer()
        whole: dict[int, Ways] = {}
        open_: dict[int, Ways] = {}
        stack: list[tuple[Fits, _Met]] = [(fits, ())]
        while stack:
            fits, met = stack.pop()
            for found, laid in ((whole, fits.whole), (open_, fits.open)):
                for types, here in laid.items():
                    ways = self._ways(met, types)
                    if ways:
                        for number, times in here.items():
                            add_product(found.setdefault(number, {}), times, ways, self._most)
            for need in fits.further.keys() & self.offers.keys():
                more = self._meet(met, need)
                if more is not None:
                    stack.append((fits.further[need], more))
        return whole, open_

    def meets(self, needs: Sequence[AtSite], types: Types) -> Ways:
        """Ways to meet all needs, ascending, and to cut off the rest.

        Args:
            needs: of a fragment.
            types: of the fragment's points that branches are cut from, one per entry of ``sites``.
        """
        met: _Met | None = ()
        for need in needs:
            met = self._meet(met, need)
            if met is None:
                return {}
        return self._ways(met, types)

    def _meet(self, met: _Met, need: AtSite) -> _Met | None:
        """One need more, at the last site of those that have been met or at a later one."""
        place = self._places[need // SITE]
        before = met[:-1] if met and met[-1][0] == place else met
        here: dict[int, Ways] = {}
        for mask, so_far in (met[-1][1] if len(before) < len(met) else _NONE_TAKEN).items():
            for bit, ways in self.offers.get(need, ()):
                if not mask & bit:
                    add_product(here.setdefault(mask | bit, {}), so_far, ways, self._most)
        return (*before, (place, here)) if any(here.values()) else None

    def _ways(self, met: _Met, types: Types) -> Ways:
        """Ways at all sites together."""
        total, needs = _NOTHING, dict(met)
        for place, cut_off in enumerate(self._cut_off):
            type_ = types[self._entries[place]]
            if place in needs:
                ways: Ways = {}
                for mask, here in needs[place].items():
                    add_product(ways, here, cut_off[mask, type_], self._most)
            else:
                ways = cut_off[0, type_]
            total = ways if total is _NOTHING else multiply(total, ways, self._most)
            if not total:
                break
        return total


class _CutOff(dict[tuple[int, int], Ways]):
    """Ways to cut up the branches of a site that are not taken, all of them cut off.

    By bit mask of those that are taken, and by the type of the points that the others are joined to.
    """

    def __init__(self, branches: Sequence[Branch], partners: Sequence[Sequence[int]], most: int) -> None:
        self._branches, self._partners, self._most = branches, partners, most

    def __missing__(self, key: tuple[int, int]) -> Ways:
        taken, type_ = key
        ways = None
        for i, branch in enumerate(self._branches):
            if not taken >> i & 1:
                more = branch.cut_from(type_, self._partners)
                ways = more if ways is None else multiply(ways, more, self._most)
        self[key] = ways = _NOTHING if ways is None else ways
        return ways
