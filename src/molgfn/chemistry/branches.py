"""The branches of a molecule's rigid tree, and in how many ways those at one node meet what a fragment needs there.

A *branch* is what hangs from one cut bond of the rigid tree: a node, the site it is bonded by, and the branches beyond.
A fragment that lies at a node *needs* some of the branches at the node's sites to carry its parts; each need is met by
a branch of its own, and the branches that are not taken are cut off. Sites do not compete for branches, so the ways at
a node are the product of those at its sites, and no two sites are ever looked at together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from molgfn.chemistry.fragment_parts import SITE, AtSite, Fits
from molgfn.chemistry.ways import Ways, add, add_product, multiply

_NOTHING: Ways = {0: 1}  # there is one way to do nothing
_NONE_TAKEN: dict[int, Ways] = {0: _NOTHING}


@dataclass(frozen=True, slots=True)
class Branch:
    """What is known of a branch.

    Attributes:
        number: equal for isomorphic branches only.
        automorphisms: that keep the site it is bonded by.
        whole: ways to cut it up where the bond to it is cut too.
        open: by number of a part of a fragment, ways to have that part at its near end and the rest cut up.
    """

    number: int
    automorphisms: int
    whole: Ways
    open: dict[int, Ways]


class BranchesAtNode:
    """The branches that hang from one node.

    Args:
        sites: of the node, one entry per branch, ascending.
        branches: the branch at each.
        most: most fragments of a tree.
    """

    def __init__(self, sites: Sequence[int], branches: Sequence[Branch], most: int) -> None:
        self._most = most
        self._places: dict[int, int] = {}  # site -> which of the occupied ones
        self._at: list[list[Branch]] = []
        for site, branch in zip(sites, branches, strict=True):
            if site not in self._places:
                self._places[site] = len(self._at)
                self._at.append([])
            self._at[self._places[site]].append(branch)
        self._cut_off = [_CutOff([branch.whole for branch in here], most) for here in self._at]
        # by need: the branches of its site (as bits) that can meet it, and their ways
        self.offers: dict[AtSite, list[tuple[int, Ways]]] = {}

    def offer(self) -> None:
        """Fill in ``offers``; only what fragments need is asked of it."""
        for site, place in self._places.items():
            for i, branch in enumerate(self._at[place]):
                for part, ways in branch.open.items():
                    self.offers.setdefault(site * SITE + part, []).append((1 << i, ways))

    def lay(self, fits: Fits) -> tuple[Ways, dict[int, Ways]]:
        """Ways of what lies at the node and of all that hangs from it: whole fragments, and open parts by number.

        Args:
            fits: what fits the node.
        """
        if fits.further:
            self.offer()
        whole: Ways = {}
        open_: dict[int, Ways] = {}
        # place: of the site whose needs are being met; before: ways at the sites before it; here: ways by the
        # branches taken there
        stack: list[tuple[Fits, int, Ways, dict[int, Ways]]] = [(fits, -1, _NOTHING, _NONE_TAKEN)]
        while stack:
            fits, place, before, here = stack.pop()
            if fits.whole or fits.open:
                ways = self._pass(before, place, here, len(self._at))
                if ways:
                    add_product(whole, fits.whole, ways, self._most)
                    for part, times in fits.open.items():
                        add(open_.setdefault(part, {}), ways, times)
            for need in fits.further.keys() & self.offers.keys():
                at = self._places[need // SITE]
                done, taken = (before, here) if at == place else (self._pass(before, place, here, at), _NONE_TAKEN)
                met = self._meet(taken, need) if done else {}
                if met:
                    stack.append((fits.further[need], at, done, met))
        return whole, open_

    def meets(self, needs: Sequence[AtSite]) -> Ways:
        """Ways to meet all needs, ascending, and to cut off the rest."""
        place, before, here = -1, _NOTHING, _NONE_TAKEN
        for need in needs:
            at = self._places[need // SITE]
            if at != place:
                before, place, here = self._pass(before, place, here, at), at, _NONE_TAKEN
            here = self._meet(here, need)
        return self._pass(before, place, here, len(self._at))

    def _meet(self, taken: dict[int, Ways], need: AtSite) -> dict[int, Ways]:
        """Ways by the branches taken at a site, once one need more is met there."""
        met: dict[int, Ways] = {}
        for mask, so_far in taken.items():
            for bit, ways in self.offers.get(need, ()):
                if not mask & bit:
                    add_product(met.setdefault(mask | bit, {}), so_far, ways, self._most)
        return met

    def _pass(self, before: Ways, place: int, here: dict[int, Ways], until: int) -> Ways:
        """Ways at all sites before ``until``, none of whose needs after those ``here`` is left."""
        if place >= 0:
            at_site: Ways = {}
            for mask, ways in here.items():
                add_product(at_site, ways, self._cut_off[place][mask], self._most)
            before = at_site if before is _NOTHING else multiply(before, at_site, self._most)
        for cut_off in self._cut_off[place + 1 : until]:
            before = cut_off[0] if before is _NOTHING else multiply(before, cut_off[0], self._most)
        return before


class _CutOff(dict[int, Ways]):
    """By bit mask of the branches of a site that are taken: ways to cut up the others, all of them cut off."""

    def __init__(self, wholes: list[Ways], most: int) -> None:
        self._wholes, self._most = wholes, most

    def __missing__(self, taken: int) -> Ways:
        ways = None
        for i, whole in enumerate(self._wholes):
            if not taken >> i & 1:
                ways = whole if ways is None else multiply(ways, whole, self._most)
        self[taken] = ways = {0: 1} if ways is None else ways
        return ways
