"""The branches of a molecule's rigid tree, and in how many ways those at one node meet what a fragment needs there.

A *branch* is what hangs from one cut bond of the rigid tree: a node, the site it is bonded by, and the branches beyond.
A fragment that lies at a node *needs* some of the branches at the node's sites to carry its parts; each need is met by
a branch of its own, and the branches that are not taken are cut off. Sites do not compete for branches, so the ways at
a node are the product of those at its sites, and no two sites are ever looked at together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from molgfn.chemistry.trees.fragment_parts import SITE, AtSite, Fits, Types
from molgfn.chemistry.trees.ways import Ways, add_product, joined, multiply

_NOTHING: Ways = {0: 1}  # there is one way to do nothing
_NONE_TAKEN: dict[int, Ways] = {0: _NOTHING}


@dataclass(frozen=True, slots=True)
class Branch:
    """What is known of a branch.

    Attributes:
        number: equal for isomorphic branches only.
        automorphisms: that keep the site it is bonded by.
        whole: ways to cut it up where the bond to it is cut too, by the type of its point there.
        open: by number of a part of a fragment, ways to have that part at its near end and the rest cut up.
        joined: by the type of the point at the other side of the cut bond, the ways of ``whole`` that may be joined to
            it; filled in as it is asked for.
    """

    number: int
    automorphisms: int
    whole: dict[int, Ways]
    open: dict[int, Ways]
    joined: dict[int, Ways] = field(default_factory=dict)

    def cut_off(self, type_: int, partners: Sequence[Sequence[int]]) -> Ways:
        """Ways to cut it up where the bond to it is cut from a point of a type, see ``PlacementCounter``."""
        ways = self.joined.get(type_)
        if ways is None:
            ways = self.joined[type_] = joined(self.whole, partners[type_])
        return ways


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
        for site, branch in zip(sites, branches, strict=True):
            if site not in self._places:
                self._places[site] = len(self._at)
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

    @property
    def sites(self) -> list[int]:
        """The sites that are occupied, ascending."""
        return list(self._places)

    def lay(self, fits: Mapping[Types, Fits]) -> tuple[dict[int, Ways], dict[int, Ways]]:
        """Ways of what lies at the node and of all that hangs from it.

        Args:
            fits: what fits the node, by the types of points at ``sites``.

        Returns:
            Whole fragments by the type of the point towards the root, and open parts by number.
        """
        if any(one.further for one in fits.values()):
            self.offer()
        whole: dict[int, Ways] = {}
        open_: dict[int, Ways] = {}
        for types, one in fits.items():
            self._lay(one, types, whole, open_)
        return whole, open_

    def _lay(self, fits: Fits, types: Types, whole: dict[int, Ways], open_: dict[int, Ways]) -> None:
        """Add the ways of what has points of these types to ``whole`` and ``open_``."""
        # place: of the site whose needs are being met; before: ways at the sites before it; here: ways by the
        # branches taken there
        stack: list[tuple[Fits, int, Ways, dict[int, Ways]]] = [(fits, -1, _NOTHING, _NONE_TAKEN)]
        while stack:
            fits, place, before, here = stack.pop()
            if fits.whole or fits.open:
                ways = self._pass(before, place, here, len(self._at), types)
                if ways:
                    for up, times in fits.whole.items():
                        add_product(whole.setdefault(up, {}), times, ways, self._most)
                    for part, times in fits.open.items():
                        add_product(open_.setdefault(part, {}), times, ways, self._most)
            for need in fits.further.keys() & self.offers.keys():
                at = self._places[need // SITE]
                done, taken = (
                    (before, here) if at == place else (self._pass(before, place, here, at, types), _NONE_TAKEN)
                )
                met = self._meet(taken, need) if done else {}
                if met:
                    stack.append((fits.further[need], at, done, met))

    def meets(self, needs: Sequence[AtSite], types: Types) -> Ways:
        """Ways to meet all needs, ascending, and to cut off the rest from points of ``types``, one per site."""
        place, before, here = -1, _NOTHING, _NONE_TAKEN
        for need in needs:
            at = self._places[need // SITE]
            if at != place:
                before, place, here = self._pass(before, place, here, at, types), at, _NONE_TAKEN
            here = self._meet(here, need)
        return self._pass(before, place, here, len(self._at), types)

    def _meet(self, taken: dict[int, Ways], need: AtSite) -> dict[int, Ways]:
        """Ways by the branches taken at a site, once one need more is met there."""
        met: dict[int, Ways] = {}
        for mask, so_far in taken.items():
            for bit, ways in self.offers.get(need, ()):
                if not mask & bit:
                    add_product(met.setdefault(mask | bit, {}), so_far, ways, self._most)
        return met

    def _pass(self, before: Ways, place: int, here: dict[int, Ways], until: int, types: Types) -> Ways:
        """Ways at all sites before ``until``, none of whose needs after those ``here`` is left."""
        if place >= 0:
            at_site: Ways = {}
            for mask, ways in here.items():
                add_product(at_site, ways, self._cut_off[place][types[place], mask], self._most)
            before = at_site if before is _NOTHING else multiply(before, at_site, self._most)
        for at in range(place + 1, until):
            cut_off = self._cut_off[at][types[at], 0]
            before = cut_off if before is _NOTHING else multiply(before, cut_off, self._most)
        return before


class _CutOff(dict[tuple[int, int], Ways]):
    """Ways to cut up the branches of a site that are not taken, all of them cut off.

    By the type of the points at the site, and by bit mask of the branches that are taken.
    """

    def __init__(self, branches: Sequence[Branch], partners: Sequence[Sequence[int]], most: int) -> None:
        self._branches, self._partners, self._most = branches, partners, most

    def __missing__(self, key: tuple[int, int]) -> Ways:
        type_, taken = key
        ways = None
        for i, branch in enumerate(self._branches):
            if not taken >> i & 1:
                more = branch.cut_off(type_, self._partners)
                ways = more if ways is None else multiply(ways, more, self._most)
        self[key] = ways = {0: 1} if ways is None else ways
        return ways
