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

from molgfn.chemistry.trees.branches import BranchesAtNode
from molgfn.chemistry.trees.embedding import MoleculeTree, Pattern
from molgfn.chemistry.trees.fragment_parts import SITE, AtSite, Types
from molgfn.chemistry.trees.placement_counts import PlacementCounter
from molgfn.chemistry.trees.rigid import RigidTypes
from molgfn.chemistry.trees.ways import Ways, add, multiply

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
        signature: of the fragment where it is laid by this node first, and of the points here that stay open.
        types: per site of the molecule, the type of the points there.
    """

    kind: int
    node: int
    symmetry: tuple[int, ...]
    ways: int
    needs: tuple[AtSite, ...]
    signature: int
    types: tuple[int, ...]


class FragmentFits:
    """How the nodes of fragments can be laid on nodes of molecules.

    Args:
        patterns: the fragments by kind.
        numbers: per fragment, the number of its part at each (node, neighbour that it is seen from).
        signatures: of the fragments.
        types: that the patterns were made with.
    """

    def __init__(
        self,
        patterns: Sequence[Pattern],
        numbers: Sequence[dict[tuple[int, int], int]],
        signatures: Sequence[int],
        types: RigidTypes,
    ) -> None:
        self.patterns, self.numbers, self._signatures, self._types = patterns, numbers, signatures, types
        self._nodes: dict[int, list[tuple[int, int]]] = {}  # (kind, node) by type of the node
        for kind, pattern in enumerate(patterns):
            for node, type_ in enumerate(pattern.types):
                self._nodes.setdefault(type_, []).append((kind, node))
        self._firsts: dict[tuple[int, ...], list[_Fit]] = {}

    def first(self, type_: int, bonds: Sequence[int]) -> list[_Fit]:
        """Every fragment by every node of it on a node whose cut bonds are at the sites ``bonds``, ascending."""
        form = (type_, *bonds)
        if form not in self._firsts:
            if len(self._firsts) >= _MOST_FORMS:  # unlike molecules must not fill the memory
                self._firsts.clear()
            self._firsts[form] = [
                fit for kind, node in self._nodes.get(type_, ()) for fit in self._fits(kind, node, -1, bonds)
            ]
        return self._firsts[form]

    def beyond(self, kind: int, node: int, at: int, parent: int, own: int, bonds: Sequence[int]) -> list[_Fit]:
        """A fragment's node, bonded by its site ``at`` to the node ``parent``, on one bonded by its site ``own``."""
        return [fit for fit in self._fits(kind, node, parent, bonds) if fit.symmetry[at] == own]

    def _fits(self, kind: int, node: int, parent: int, bonds: Sequence[int]) -> Iterator[_Fit]:
        pattern, here = self.patterns[kind], Counter(bonds)
        for symmetry in self._types.nodes[pattern.types[node]].symmetries:
            ways, needs = 1, []
            signature = self._signatures[kind] if parent < 0 else 0
            point_types = [-1] * len(symmetry)
            for site, atom in enumerate(pattern.atoms[node]):
                inner = pattern.bonds[node].get(site, ())
                points = pattern.sites[atom]
                cuts = here[symmetry[site]] - len(inner)
                if not points.fewest <= cuts <= points.points:
                    break
                ways *= perm(points.points, cuts)
                signature += points.open_ * (points.points - cuts)
                point_types[symmetry[site]] = points.type_
                numbers = (self.numbers[kind][other, node] for other, _ in inner if other != parent)
                needs += [symmetry[site] * SITE + number for number in numbers]
            else:
                yield _Fit(kind, node, symmetry, ways, tuple(sorted(needs)), signature, tuple(point_types))


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
        self,
        molecule: MoleculeTree,
        fits: FragmentFits,
        counter: PlacementCounter,
        max_fragments: int,
    ) -> None:
        self._fits, self._partners, self._most = fits, counter.partners, max_fragments
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

    def pieces(self, signature: int, rng: np.random.Generator | None) -> list[tuple[int, Placement]]:
        """Fragments laid on the molecule, each way of a signature equally often; the first without ``rng``."""
        pieces = []
        # nodes at which a fragment begins, the signature of all from there on, and the type of the point before it
        cut_off = [(0, signature, -1)]
        while cut_off:
            node, share, before = cut_off.pop()
            fits = self._fits.first(self._types[node], self._bonds(node))
            if before >= 0:
                fits = [fit for fit in fits if fit.types[self._own[node]] in self._partners[before]]
            fit, rest = self._choose(node, fits, share, rng)
            placement: Placement = {}
            going_on = [(fit, -1, node, rest)]
            while going_on:
                fit, parent, node, rest = going_on.pop()
                placement[fit.node] = node, fit.symmetry
                for child, need, share in self._share_out(fit, parent, node, rest, rng):
                    if isinstance(need, int):
                        cut_off.append((child, share, need))
                        continue
                    at, own = need[1], self._own[child]
                    beyond = self._fits.beyond(fit.kind, need[0], at, fit.node, own, self._bonds(child))
                    following, rest = self._choose(child, beyond, share, rng)
                    going_on.append((following, fit.node, child, rest))
            pieces.append((fit.kind, placement))
        return pieces

    def _bonds(self, node: int) -> list[int]:
        """The sites of a node's cut bonds, ascending."""
        below = [site for site, _ in self._below[node]]
        return sorted(below if self._own[node] < 0 else [self._own[node], *below])

    def _choose(self, node: int, fits: list[_Fit], share: int, rng: np.random.Generator | None) -> tuple[_Fit, int]:
        """One of ``fits`` at a node, and what it leaves of the signature for what hangs from the node."""
        below = self._below[node]
        branches = [self._branches[child] for _, child in below]
        at_node = BranchesAtNode([s for s, _ in below], branches, self._partners, self._most)
        at_node.offer()
        sites = at_node.sites
        met: dict[tuple[tuple[AtSite, ...], Types], Ways] = {}
        items, weights = [], []
        for fit in fits:
            rest = share - fit.signature
            form = fit.needs, tuple(fit.types[site] for site in sites)
            if form not in met:
                offered = all(need in at_node.offers for need in fit.needs)
                met[form] = at_node.meets(*form) if offered else {}
            if weight := fit.ways * met[form].get(rest, 0):
                items.append((fit, rest))
                weights.append(weight)
        return pick(items, weights, rng)

    def _share_out(
        self, fit: _Fit, parent: int, node: int, signature: int, rng: np.random.Generator | None
    ) -> Iterator[tuple[int, tuple[int, int] | int, int]]:
        """What becomes of each branch: its node, what is there, and its share.

        What is there is the fragment's (node, site) that goes on, or the type of the point from which it is cut off.
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
        options: list[list[tuple[list[tuple[int, int] | int], list[Ways]]]] = []
        for site, children in hanging.items():
            parts = inner.get(site, [])
            options.append([])
            for order in permutations(range(len(children)), len(parts)):
                given: list[tuple[int, int] | int] = [fit.types[site]] * len(children)
                for part, i in zip(parts, order, strict=True):
                    given[i] = part
                ways = [
                    self._branches[c].cut_off(p, self._partners)
                    if isinstance(p, int)
                    else self._branches[c].open.get(numbers[p[0], fit.node], {})
                    for c, p in zip(children, given, strict=True)
                ]
                options[-1].append((given, ways))
        products = [[self._product(ways) for _, ways in site] for site in options]
        totals: list[Ways] = []
        for site in products:
            totals.append({})
            for ways in site:
                add(totals[-1], ways)
        shares = self._split(totals, signature, rng)
        for children, site, ways_of, share in zip(hanging.values(), options, products, shares, strict=True):
            possible = [i for i, ways in enumerate(ways_of) if ways.get(share)]
            given, ways = site[pick(possible, [ways_of[i][share] for i in possible], rng)]
            yield from zip(children, given, self._split(ways, share, rng), strict=True)

    def _product(self, factors: Sequence[Ways]) -> Ways:
        product: Ways = {0: 1}
        for ways in factors:
            product = multiply(product, ways, self._most)
        return product

    def _split(self, factors: Sequence[Ways], signature: int, rng: np.random.Generator | None) -> list[int]:
        """A signature of each factor, ``signature`` in all, in proportion to the ways."""
        tails: list[Ways] = [{0: 1}]  # products from the right, so that the signature can be shared out from the left
        for ways in reversed(factors):
            tails.append(multiply(ways, tails[-1], self._most))
        tails.reverse()
        shares = []
        for ways, tail in zip(factors, tails[1:], strict=True):
            possible = [s for s in sorted(ways) if ways[s] and tail.get(signature - s)]
            shares.append(pick(possible, [ways[s] * tail[signature - s] for s in possible], rng))
            signature -= shares[-1]
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
