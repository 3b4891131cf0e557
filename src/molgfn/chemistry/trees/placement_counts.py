"""How many placements of fragments cut a molecule, and its automorphisms, from the leaves of its rigid tree inwards.

All that the rest of a molecule has to know of a branch depends on its shape alone, so it is worked out once per shape
and looked up in every later molecule, where only the middle is new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from math import factorial

from molgfn.chemistry.trees.branches import Branch, BranchesAtNode
from molgfn.chemistry.trees.canonical_trees import Edge
from molgfn.chemistry.trees.fragment_parts import SITE, Fits, FragmentParts, Types
from molgfn.chemistry.trees.rigid import RigidTypes
from molgfn.chemistry.trees.ways import Ways

_MOST_KEYS = 50_000  # some 100 MB
#: type of a node, its site towards the root (-1 at the root), what hangs from it
_Key = tuple[int, ...]
_NO_BRANCH = Branch(-1, 1, {}, {})


class PlacementCounter:
    """Counts placements and automorphisms; ``symmetry`` says what for.

    Args:
        parts: of the fragments.
        types: numbers the types of nodes, of fragments and of the molecules to come.
        max_fragments: most fragments of a tree.
        partners: per type of attachment points, the types that it may be joined to.
    """

    def __init__(
        self, parts: FragmentParts, types: RigidTypes, max_fragments: int, partners: Sequence[Sequence[int]]
    ) -> None:
        self._parts, self._types, self._most, self.partners = parts, types, max_fragments, partners
        self._branches: list[Branch] = []
        self._found: dict[_Key, Branch] = {}
        self._images: dict[_Key, Counter[tuple[int, ...]]] = {}
        self._fits: dict[_Key, dict[Types, Fits]] = {}

    def count(self, types: Sequence[int], edges: Sequence[Edge]) -> tuple[Ways, int]:
        """Placements by signature, and automorphisms.

        Args:
            types: type of each node of the molecule's rigid tree, at least one.
            edges: ``len(types) - 1`` edges that join them all.

        Returns:
            Placements over all ways to cut the molecule into at most ``max_fragments`` fragments, and |Aut|. Where
            there is no way the first is empty and the second may be too small.
        """
        self._make_room()
        n = len(types)
        hanging: list[list[int]] = [[] for _ in range(n)]
        height, left, link = [0] * n, [0] * n, [0] * n  # link: exclusive or of the edges that are left
        for edge, (u, _, v, _) in enumerate(edges):
            left[u] += 1
            left[v] += 1
            link[u] ^= edge
            link[v] ^= edge
        order = [node for node in range(n) if left[node] <= 1]
        swaps = 1
        # Leaves go first, layer by layer; a node follows once a single edge is left of it. The middle remains.
        for place in range(n - 1):
            node = order[place]
            u, a, v, b = edges[link[node]]
            other, own, site = (v, a, b) if u == node else (u, b, a)
            branch = self._branch(types[node], own, hanging[node])
            if not branch.whole and not branch.open:
                return {}, 1
            if place == n - 2 and height[node] == height[other] and types[node] == types[other]:
                # Two nodes share the middle: are they images of each other? The root alone does not tell.
                swaps += self._branch(types[other], site, hanging[other]) is branch
            hanging[other].append(site * SITE + branch.number)
            height[other] = max(height[other], height[node] + 1)
            link[other] ^= link[node]
            left[other] -= 1
            if left[other] == 1:
                order.append(other)
        shape, automorphisms = self._arrange(types[order[-1]], -1, hanging[order[-1]])
        ways, _ = self._lay(shape)
        return ways.get(-1, {}), automorphisms * swaps

    def rooted(
        self,
        types: Sequence[int],
        own: Sequence[int],
        below: Sequence[Sequence[tuple[int, int]]],
        order: Sequence[int],
    ) -> tuple[list[Branch], Ways]:
        """The branch at each node of a rigid tree rooted at node 0, which has none, and the ways as in ``count``.

        Args:
            types: type of each node.
            own: site of each node towards the root.
            below: (site, node) of what hangs from each node, by ascending site.
            order: of the nodes, the root first and each after its parent.

        Returns:
            Nothing where there is no way.
        """
        self._make_room()
        branches = [_NO_BRANCH] * len(types)
        for node in reversed(order[1:]):
            hanging = [site * SITE + branches[child].number for site, child in below[node]]
            branches[node] = found = self._branch(types[node], own[node], hanging)
            if not found.whole and not found.open:
                return [], {}
        root = (types[0], -1, *(site * SITE + branches[child].number for site, child in below[0]))
        return branches, self._lay(root)[0].get(-1, {})

    def _make_room(self) -> None:
        """Forget all branches where they are many: unlike molecules must not fill the memory."""
        if len(self._found) > _MOST_KEYS:
            for memory in (self._branches, self._found, self._images, self._fits):
                memory.clear()

    def _branch(self, type_: int, own: int, hanging: list[int]) -> Branch:
        """The branch of a node bonded by site ``own``, with others hanging from it (these get sorted)."""
        hanging.sort()
        key = (type_, own, *hanging)
        found = self._found.get(key)
        if found is None:
            shape, automorphisms = self._arrange(type_, own, hanging)
            found = self._found.get(shape)
            if found is None:
                found = Branch(len(self._branches), automorphisms, *self._lay(shape))
                self._branches.append(found)
                self._found[shape] = found
            self._found[key] = found
        return found

    def _arrange(self, type_: int, own: int, hanging: list[int]) -> tuple[_Key, int]:
        """A key that is equal for isomorphic arrangements of branches on a node, and its automorphisms."""
        hanging.sort()
        automorphisms = 1
        for number, equal in groupby(hanging):
            times = len(list(equal))
            automorphisms *= self._branches[number % SITE].automorphisms ** times * factorial(times)
        symmetries = self._types.nodes[type_].symmetries
        if len(symmetries) == 1:
            return (type_, own, *hanging), automorphisms
        sites = [number // SITE for number in hanging]
        form = (type_, own, *sites)
        images = self._images.get(form)
        if images is None:
            images = self._images[form] = _least_images(symmetries, own, sites)
        moved = [
            ((type_, at, *sorted(h % SITE + i * SITE for h, i in zip(hanging, image, strict=True))), times)
            for (at, *image), times in images.items()
        ]
        least = min(moved)[0]
        return least, automorphisms * sum(times for key, times in moved if key == least)

    def _lay(self, key: _Key) -> tuple[dict[int, Ways], dict[int, Ways]]:
        """``whole`` and ``open`` of a branch or, where there is no site towards the root, of the molecule (type -1)."""
        type_, own, *hanging = key
        sites = [number // SITE for number in hanging]
        form = (type_, own, *sites)
        fits = self._fits.get(form)
        if fits is None:
            fits = self._fits[form] = self._parts.fits(type_, own, sites)
        branches = [self._branches[number % SITE] for number in hanging]
        return BranchesAtNode(sites, branches, self.partners, self._most).lay(fits)


def _least_images(symmetries: Iterable[tuple[int, ...]], own: int, sites: list[int]) -> Counter[tuple[int, ...]]:
    """Where symmetries take (own, *sites), and how many: only those that give the least arrangement of sites."""
    images = Counter((s[own] if own >= 0 else -1, *(s[site] for site in sites)) for s in symmetries)
    least = min((image[0], sorted(image[1:])) for image in images)
    return Counter({image: times for image, times in images.items() if (image[0], sorted(image[1:])) == least})
