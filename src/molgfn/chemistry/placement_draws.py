"""Single ways to cut a molecule into fragments, drawn out of their counts from the root of its rigid tree outwards.

Nothing is listed but what may lie at one node, so the time goes with the size of the molecule, however many ways
there are to lay a fragment on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations
from math import perm
from typing import NamedTuple, TypeVar

import numpy as np

from molgfn.chemistry.branches import BranchesAtNode
from molgfn.chemistry.embedding import MoleculeTree, Pattern
from molgfn.chemistry.fragment_parts import SITE, AtSite
from molgfn.chemistry.placement_counts import PlacementCounter
from molgfn.chemistry.rigid import RigidTypes
from molgfn.chemistry.ways import Ways, add, multiply

#: per node of a fragment, the molecule's node and the symmetry that takes the fragment's sites to the molecule's
Placement = dict[int, tuple[int, tuple[int, ...]]]
_Item = TypeVar("_Item")
_MOST_FORMS = 10_000


class _Fit(NamedTuple):
    """A node of a fragment, laid on a node of the molecule.

    Attributes:
        kind, node: the fragment and its node.
        symmetry: takes the node's sites to the molecule's.
        ways: to choose points for the cut bonds.
        needs: what the branches at the sites have to carry, ascending.
        types: of the points at the sites with cut bonds.
        up: type of the point towards the root; -1 where no bond is cut there.
        signature: of the points of the node that stay open and, of a first node, of the fragment.
    """

    kind: int
    node: int
    symmetry: tuple[int, ...]
    ways: int
    needs: tuple[AtSite, ...]
    types: dict[int, int]
    up: int
    signature: int


class FragmentFits:
    """How the nodes of fragments can be laid on nodes of molecules.

    Args:
        patterns: the fragments by kind.
        signatures: of the fragments.
        numbers: per fragment, the number of its part at each (node, neighbour that it is seen from).
        types: that the patterns were made with.
        partners: per type of attachment points, the types that it may be joined to.
    """

    def __init__(
        self,
        patterns: Sequence[Pattern],
        signatures: Sequence[int],
        numbers: Sequence[dict[tuple[int, int], int]],
        types: RigidTypes,
        partners: Sequence[Sequence[int]],
    ) -> None:
        self.patterns, self.numbers, self.partners = patterns, numbers, partners
        self._signatures, self._types = signatures, types
        self._nodes: dict[int, list[tuple[int, int]]] = {}  # (kind, node) by type of the node
        for kind, pattern in enumerate(patterns):
            for node, type_ in enumerate(pattern.types):
                self._nodes.setdefault(type_, []).append((kind, node))
        self._firsts: dict[tuple[int, ...], list[_Fit]] = {}

    def first(self, type_: int, own: int, sites: Sequence[int]) -> list[_Fit]:
        """Every fragment by every node of it on a node of the molecule.

        Args:
            type_: of the molecule's node.
            own: its site towards the root, where the bond is cut; -1 at the root.
            sites: those of its other cut bonds, ascending.
        """
        form = (type_, own, *sites)
        if form not in self._firsts:
            if len(self._firsts) >= _MOST_FORMS:  # unlike molecules must not fill the memory
                self._firsts.clear()
            self._firsts[form] = [
                fit for kind, node in self._nodes.get(type_, ()) for fit in self._fits(kind, node, (-1, -1), own, sites)
            ]
        return self._firsts[form]

    def beyond(self, kind: int, node: int, parent: tuple[int, int], own: int, sites: Sequence[int]) -> list[_Fit]:
        """A fragment's node on a node of the molecule, where the bond towards the root is not cut.

        Args:
            kind: the fragment.
            node: of the fragment.
            parent: the fragment's node towards the root, and the site of ``node`` that it is bonded to.
            own: as in ``first``.
            sites: as in ``first``.
        """
        return [fit for fit in self._fits(kind, node, parent, own, sites) if fit.symmetry[parent[1]] == own]

    def _fits(self, kind: int, node: int, parent: tuple[int, int], own: int, sites: Sequence[int]) -> Iterator[_Fit]:
        pattern, here = self.patterns[kind], Counter(sites if own < 0 else [own, *sites])
        for symmetry in self._types.nodes[pattern.types[node]].symmetries:
            ways, needs, up, types = 1, [], -1, {}
            signature = self._signatures[kind] if parent[0] < 0 else 0
            for site, atom in enumerate(pattern.atoms[node]):
                inner, at, points = pattern.bonds[node].get(site, ()), symmetry[site], pattern.sites[atom]
                cuts = here[at] - len(inner)
                if not points.fewest <= cuts <= points.points:
                    break
                ways *= perm(points.points, cuts)
                signature += points.open_ * (points.points - cuts)
                numbers = (self.numbers[kind][other, node] for other, _ in inner if other != parent[0])
                needs += [at * SITE + number for number in numbers]
                if cuts:
                    types[at] = points.type_
                    if at == own and parent[0] < 0:
                        up = points.type_
            else:
                yield _Fit(kind, node, symmetry, ways, tuple(sorted(needs)), types, up, signature)


class Draw:
    """A molecule with its counts, to draw ways to cut it from.

    Args:
        molecule: its rigid tree.
        fits: of the fragments.
        counter: of their placements.
        max_fragments: most fragments of a tree.

    Attributes:
        ways: to cut the molecule, by signature; empty where there is none.
    """

    def __init__(
        self, molecule: MoleculeTree, fits: FragmentFits, counter: PlacementCounter, max_fragments: int
    ) -> None:
        self._fits, self._most = fits, max_fragments
        self._types = molecule.tree.types
        n = len(self._types)
        self._own = [-1] * n  # site towards the root
        self._below: list[list[tuple[int, int]]] = [[] for _ in range(n)]  # (site, node) of what hangs there, ascending
        for node in range(n):
            for site, bonds in sorted(molecule.bonds[node].items()):
                for other, at in bonds:
                    if other != molecule.parent[node]:
                        self._below[node].append((site, other))
                        self._own[other] = at
        self._branches, self.ways = counter.rooted(self._types, self._own, self._below, molecule.order)

    def pieces(self, target: int, rng: np.random.Generator | None) -> list[tuple[int, Placement]]:
        """Fragments laid on the molecule, each way of signature ``target`` equally often; the first without ``rng``."""
        pieces = []
        # nodes at which a fragment begins, the types that its point there may have, the signature of all from there on
        cut_off: list[tuple[int, Sequence[int], int]] = [(0, (-1,), target)]
        while cut_off:
            node, partners, share = cut_off.pop()
            fits = self._fits.first(self._types[node], self._own[node], self._sites(node))
            fit, rest = self._choose(node, [fit for fit in fits if fit.up in partners], share, rng)
            placement: Placement = {}
            going_on = [(fit, -1, node, rest)]
            while going_on:
                fit, parent, node, rest = going_on.pop()
                placement[fit.node] = node, fit.symmetry
                for site, child, part, share in self._share_out(fit, parent, node, rest, rng):
                    if part is None:
                        cut_off.append((child, self._fits.partners[fit.types[site]], share))
                        continue
                    other, at = part
                    fits = self._fits.beyond(fit.kind, other, (fit.node, at), self._own[child], self._sites(child))
                    following, left = self._choose(child, fits, share, rng)
                    going_on.append((following, fit.node, child, left))
            pieces.append((fit.kind, placement))
        return pieces

    def _sites(self, node: int) -> list[int]:
        """The sites of what hangs from a node, ascending."""
        return [site for site, _ in self._below[node]]

    def _choose(self, node: int, fits: Sequence[_Fit], share: int, rng: np.random.Generator | None) -> tuple[_Fit, int]:
        """One of ``fits`` at a node, and the signature that is left of ``share`` for what hangs from the node."""
        sites = self._sites(node)
        branches = [self._branches[child] for _, child in self._below[node]]
        at_node = BranchesAtNode(sites, branches, self._fits.partners, self._most)
        at_node.offer()
        met: dict[tuple[tuple[AtSite, ...], tuple[int, ...]], Ways] = {}
        items, weights = [], []
        for fit in fits:
            key = fit.needs, tuple(fit.types.get(site, -1) for site in sites)
            if key not in met:
                offered = all(need in at_node.offers for need in fit.needs)
                met[key] = at_node.meets(*key) if offered else {}
            rest = share - fit.signature
            if weight := fit.ways * met[key].get(rest, 0):
                items.append((fit, rest))
                weights.append(weight)
        return pick(items, weights, rng)

    def _share_out(
        self, fit: _Fit, parent: int, node: int, target: int, rng: np.random.Generator | None
    ) -> Iterator[tuple[int, int, tuple[int, int] | None, int]]:
        """What becomes of each branch.

        Yields:
            Its site and its node, the fragment's (node, site) that goes on there or None, its share of ``target``.
        """
        pattern, numbers = self._fits.patterns[fit.kind], self._fits.numbers[fit.kind]
        hanging: dict[int, list[int]] = {}
        for site, child in self._below[node]:
            hanging.setdefault(site, []).append(child)
        inner = {
            fit.symmetry[site]: [(other, at) for other, at in bonds if other != parent]
            for site, bonds in pattern.bonds[fit.node].items()
        }
        # per site, the ways to give branches to the parts that need one: children, parts, numbers of ways of each
        options: list[list[tuple[list[tuple[int, int] | None], list[Ways]]]] = []
        for site, children in hanging.items():
            parts = inner.get(site, [])
            options.append([])
            for order in permutations(range(len(children)), len(parts)):
                given: list[tuple[int, int] | None] = [None] * len(children)
                for part, i in zip(parts, order, strict=True):
                    given[i] = part
                ways = [
                    self._branches[child].cut_from(fit.types[site], self._fits.partners)
                    if part is None
                    else self._branches[child].open.get(numbers[part[0], fit.node], {})
                    for child, part in zip(children, given, strict=True)
                ]
                options[-1].append((given, ways))
        products = [[self._product(ways) for _, ways in site] for site in options]
        totals: list[Ways] = []
        for site in products:
            totals.append({})
            for ways in site:
                add(totals[-1], ways)
        shares = self._split(totals, target, rng)
        for (site, children), choices, ways_of, share in zip(hanging.items(), options, products, shares, strict=True):
            possible = [i for i, ways in enumerate(ways_of) if ways.get(share)]
            given, ways = choices[pick(possible, [ways_of[i][share] for i in possible], rng)]
            for child, part, own in zip(children, given, self._split(ways, share, rng), strict=True):
                yield site, child, part, own

    def _product(self, factors: Sequence[Ways]) -> Ways:
        product: Ways = {0: 1}
        for ways in factors:
            product = multiply(product, ways, self._most)
        return product

    def _split(self, factors: Sequence[Ways], target: int, rng: np.random.Generator | None) -> list[int]:
        """A signature of each factor, ``target`` in all, in proportion to the ways."""
        tails: list[Ways] = [{0: 1}]  # products from the right, so that the signature can be shared out from the left
        for ways in reversed(factors):
            tails.append(multiply(ways, tails[-1], self._most))
        tails.reverse()
        shares = []
        for ways, tail in zip(factors, tails[1:], strict=True):
            possible = [s for s in sorted(ways) if ways[s] and tail.get(target - s)]
            shares.append(pick(possible, [ways[s] * tail[target - s] for s in possible], rng))
            target -= shares[-1]
        return shares


def pick(items: list[_Item], weights: list[int], rng: np.random.Generator | None) -> _Item:
    """One item: the first, or drawn in proportion to whole-number weights of any size."""
    if rng is None:
        return items[0]
    total, threshold = sum(weights), rng.random()
    reached = 0
    for item, weight in zip(items, weights, strict=True):
        reached += weight
        if threshold < reached / total:
            return item
    return items[-1]
