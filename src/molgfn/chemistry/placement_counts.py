"""How many placements of fragments cut a molecule, and its automorphisms, from the leaves of its rigid tree inwards.

A *branch* is what hangs from one cut bond of the rigid tree: a node, the site it is bonded by, and the branches beyond.
All that the rest of the molecule has to know about a branch depends on its shape alone, so it is worked out once per
shape and looked up in every later molecule, where only the middle is new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import factorial, perm

from molgfn.chemistry.canonical_trees import Edge
from molgfn.chemistry.embedding import Pattern
from molgfn.chemistry.rigid import RigidTypes

#: number of ways by signature: fragments + 2^9 * points + 2^25 * scaffolds, which adds up when ways are combined
Ways = dict[int, int]
POINT, SCAFFOLD = 1 << 9, 1 << 25
#: a branch number and the site that it hangs from, in one whole number: they are sorted and hashed all the time
_SITE = 1 << 32
_MOST_BRANCHES = 50_000


def multiply(first: Ways, second: Ways, most: int) -> Ways:
    """Ways of doing both, without those of more than ``most`` fragments or of two scaffolds."""
    product: Ways = {}
    for s, x in first.items():
        for t, y in second.items():
            signature = s + t
            if signature % POINT <= most and signature < 2 * SCAFFOLD:
                product[signature] = product.get(signature, 0) + x * y
    return product


@dataclass(frozen=True, slots=True)
class _Branch:
    """What is known of a branch.

    Attributes:
        number: equal for isomorphic branches only.
        automorphisms: that keep the site it is bonded by.
        whole: ways to cut it up where the bond to it is cut too.
        open: by part of a fragment (see ``_Part``): ways to have that part lie at its near end, the rest cut up.
    """

    number: int
    automorphisms: int
    whole: Ways
    open: dict[int, Ways]


@dataclass(frozen=True, slots=True)
class _Part:
    """A fragment seen from one of its nodes: all of it, or the part of it beyond a bond, which is at site ``own``.

    Attributes:
        number: of the part, equal for isomorphic ones; -1 for all of a fragment.
        signature: of the fragment; 0 for a part.
        own: the node's site towards the rest of the fragment; -1 for all of a fragment.
        sites: per site of the node, numbers of the parts that hang there, and attachment points.
    """

    number: int
    signature: int
    own: int
    sites: tuple[tuple[tuple[int, ...], int], ...]


@dataclass(frozen=True, slots=True)
class _Fits:
    """The parts that may lie on a node of a molecule, given how many branches hang from which of its sites.

    Attributes:
        whole, open: of parts of one node, which ask for nothing: ways by signature, and by number of the part.
        asking: the others (number, signature, ways, what they ask for) by the first (site, part) asked for.
    """

    whole: Ways
    open: dict[int, int]
    asking: dict[tuple[int, int], list[tuple[int, int, int, tuple[tuple[int, int], ...]]]]


class PlacementCounter:
    """Counts placements and automorphisms; see ``symmetry`` for what they are for.

    Args:
        patterns: the fragments.
        signatures: signature of each fragment.
        types: numbers the types of nodes, of the patterns and of the molecules to come.
        max_fragments: most fragments of a tree.
    """

    def __init__(
        self, patterns: Iterable[Pattern], signatures: Iterable[int], types: RigidTypes, max_fragments: int
    ) -> None:
        self._types = types
        self._most = max_fragments
        self._numbers: dict[tuple, int] = {}
        self._parts: dict[int, Counter[_Part]] = {}  # by type of node
        for pattern, signature in zip(patterns, signatures, strict=True):
            self._add(pattern, signature)
        self._branches: list[_Branch] = []
        self._found: dict[tuple[int, ...], _Branch] = {}
        self._forms: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        self._fits: dict[tuple[int, ...], _Fits] = {}

    def count(self, types: Sequence[int], edges: Sequence[Edge]) -> tuple[Ways, int]:
        """Placements by signature, and automorphisms.

        Args:
            types: type of each node of the molecule's rigid tree.
            edges: ``len(types) - 1`` edges that join them all.

        Returns:
            Placements over all ways to cut the molecule into at most ``max_fragments`` fragments (empty: there is
            none, and automorphisms are not counted), and |Aut| >= 1.
        """
        if len(self._branches) > _MOST_BRANCHES:  # unlike molecules must not fill the memory
            for memory in (self._branches, self._found, self._forms, self._fits):
                memory.clear()
        n = len(types)
        hanging: list[list[int]] = [[] for _ in range(n)]
        height, left, link = [0] * n, [0] * n, [0] * n  # link: exclusive or of the bonds that are left
        for bond, (u, _, v, _) in enumerate(edges):
            left[u] += 1
            left[v] += 1
            link[u] ^= bond
            link[v] ^= bond
        order = [node for node in range(n) if left[node] <= 1]
        turned = 1
        # Leaves go first, layer by layer; a node follows once a single bond is left of it. The middle remains.
        for place in range(n - 1):
            node = order[place]
            u, a, v, b = edges[link[node]]
            other, own, site = (v, a, b) if u == node else (u, b, a)
            branch = self._branch(types[node], own, hanging[node])
            if not branch.whole and not branch.open:
                return {}, 1
            # Two nodes may share the middle. An automorphism that swaps them is one more than those that keep the root.
            if place == n - 2 and height[node] == height[other] and types[node] == types[other]:
                turned += self._branch(types[other], site, hanging[other]).number == branch.number
            hanging[other].append(site * _SITE + branch.number)
            height[other] = max(height[other], height[node] + 1)
            link[other] ^= link[node]
            left[other] -= 1
            if left[other] == 1:
                order.append(other)
        root = order[-1]
        key, automorphisms = self._arrange(types[root], -1, hanging[root])
        ways, _ = self._lay(key)
        return ways, automorphisms * turned

    def _branch(self, type_: int, own: int, hanging: list[int]) -> _Branch:
        """The branch of a node bonded by site ``own``, with others hanging from it."""
        hanging.sort()
        key = (type_, own, *hanging)
        found = self._found.get(key)
        if found is None:
            shape, automorphisms = self._arrange(type_, own, hanging)
            found = self._found.get(shape)
            if found is None:
                found = _Branch(len(self._branches), automorphisms, *self._lay(shape))
                self._branches.append(found)
                self._found[shape] = found
            self._found[key] = found
        return found

    def _arrange(self, type_: int, own: int, hanging: list[int]) -> tuple[tuple[int, ...], int]:
        """A key (type, site, what hangs there) that is equal for isomorphic arrangements, and their automorphisms."""
        hanging.sort()
        automorphisms = 1
        for number, equal in groupby(hanging):
            times = len(list(equal))
            automorphisms *= self._branches[number % _SITE].automorphisms ** times * factorial(times)
        symmetries = self._types.nodes[type_].symmetries
        if len(symmetries) == 1:
            return (type_, own, *hanging), automorphisms
        sites = [number // _SITE for number in hanging]
        form = (type_, own, *sites)
        if form not in self._forms:
            self._forms[form] = _least_images(symmetries, own, sites)
        best, equals = None, 0
        for (own_image, *images), times in self._forms[form].items():
            moved = [number % _SITE + image * _SITE for number, image in zip(hanging, images, strict=True)]
            candidate = (type_, own_image, *sorted(moved))
            if best is None or candidate < best:
                best, equals = candidate, times
            elif candidate == best:
                equals += times
        return best, automorphisms * equals  # type: ignore[return-value]  # there is always the identity

    def _lay(self, key: tuple[int, ...]) -> tuple[Ways, dict[int, Ways]]:
        """``whole`` and ``open`` of a branch (see ``_Branch``), or of the root, where ``own`` is -1."""
        type_, own, *hanging = key
        branches = [(number // _SITE, self._branches[number % _SITE]) for number in hanging]
        form = (type_, own, *(site for site, _ in branches))
        fits = self._fits.get(form)
        if fits is None:
            fits = self._fits[form] = self._fitting(form)
        whole: Ways = {}
        open_: dict[int, Ways] = {}
        apart = self._rest(branches, 0)
        if apart:
            whole = multiply(fits.whole, apart, self._most)
            open_ = {part: _times(apart, ways) for part, ways in fits.open.items()}
        for first in {(site, part) for site, branch in branches for part in branch.open}:
            for part, signature, ways, asked in fits.asking.get(first, ()):
                found = self._answered(asked, 0, branches, 0)
                if found and part < 0:
                    _add(whole, multiply(found, {signature: ways}, self._most))
                elif found:
                    _add(open_.setdefault(part, {}), _times(found, ways))
        return whole, open_

    def _answered(
        self, asked: tuple[tuple[int, int], ...], start: int, branches: list[tuple[int, _Branch]], taken: int
    ) -> Ways:
        """Ways to give a branch of its own to each (site, part) asked for from ``start`` on, the others cut off."""
        if start == len(asked):
            return self._rest(branches, taken)
        site, part = asked[start]
        total: Ways = {}
        for i, (at, branch) in enumerate(branches):
            if at == site and not taken >> i & 1 and part in branch.open:
                rest = self._answered(asked, start + 1, branches, taken | 1 << i)
                if rest:
                    _add(total, multiply(branch.open[part], rest, self._most))
        return total

    def _rest(self, branches: list[tuple[int, _Branch]], taken: int) -> Ways:
        """Ways to cut up all branches that are not taken, each cut off."""
        ways = {0: 1}
        for i, (_, branch) in enumerate(branches):
            if not taken >> i & 1:
                ways = multiply(ways, branch.whole, self._most)
        return ways

    def _fitting(self, form: tuple[int, ...]) -> _Fits:
        """The parts whose first node may lie on a node of a type, bonded by a site, with branches at some sites."""
        type_, own, *sites = form
        bonds = Counter(sites if own < 0 else [own, *sites])
        found: Counter[tuple] = Counter()
        for part, times in self._parts.get(type_, {}).items():
            if own < 0 <= part.own:
                continue
            for symmetry in self._types.nodes[type_].symmetries:
                if part.own >= 0 and symmetry[part.own] != own:
                    continue
                ways, asked = times, []
                for site, (inner, points) in enumerate(part.sites):
                    cuts = bonds[symmetry[site]] - len(inner) - (site == part.own)
                    if not 0 <= cuts <= points:
                        break
                    ways *= perm(points, cuts)
                    asked += [(symmetry[site], number) for number in inner]
                else:
                    found[part.number, part.signature, tuple(sorted(asked))] += ways
        fits = _Fits({}, {}, {})
        for (number, signature, asked), ways in found.items():
            if asked:
                fits.asking.setdefault(asked[0], []).append((number, signature, ways, asked))
            elif number < 0:
                fits.whole[signature] = fits.whole.get(signature, 0) + ways
            else:
                fits.open[number] = ways
        return fits

    def _add(self, pattern: Pattern, signature: int) -> None:
        """Note a fragment as seen from each of its nodes, and its parts beyond each of its bonds."""

        def seen(node: int, parent: int, own: int) -> _Part:
            sites = []
            for site, atom in enumerate(pattern.atoms[node]):
                beyond = [(o, at) for o, at in pattern.bonds[node].get(site, ()) if o != parent]
                numbers = sorted(seen(o, node, at).number for o, at in beyond)
                sites.append((tuple(numbers), pattern.points.count(atom)))
            type_ = pattern.types[node]
            if parent < 0:
                part = _Part(-1, signature, -1, tuple(sites))
                self._parts.setdefault(type_, Counter())[part] += 1
                return part
            shape = min(
                (symmetry[own], *sorted((symmetry[s], *here) for s, here in enumerate(sites)))
                for symmetry in self._types.nodes[type_].symmetries
            )
            number = self._numbers.setdefault((type_, shape), len(self._numbers))
            part = _Part(number, 0, own, tuple(sites))
            known = self._parts.setdefault(type_, Counter())
            if all(other.number != number for other in known):
                known[part] = 1
            return part

        for node in range(len(pattern.types)):
            seen(node, -1, -1)


def _least_images(
    symmetries: Iterable[tuple[int, ...]], own: int, sites: list[int]
) -> Counter[tuple[int, ...]]:
    """Where symmetries take (own, *sites), and how many do so: only those that give the least arrangement of sites."""
    images = Counter((s[own] if own >= 0 else -1, *(s[site] for site in sites)) for s in symmetries)
    least = min((image[0], sorted(image[1:])) for image in images)
    return Counter({image: times for image, times in images.items() if (image[0], sorted(image[1:])) == least})


def _times(ways: Ways, factor: int) -> Ways:
    return ways if factor == 1 else {signature: number * factor for signature, number in ways.items()}


def _add(total: Ways, more: Ways) -> None:
    for signature, number in more.items():
        total[signature] = total.get(signature, 0) + number
