"""Canonical names and automorphism counts of trees whose nodes have sites and symmetries of their own.

Two trees here are of this sort: fragments joined at attachment atoms, and the rigid pieces of a molecule joined by
its acyclic single bonds. A node's symmetries act on its *sites* (atoms); everything hanging from one site is
interchangeable. So counting needs no search: rooted codes from the leaves up, a stabiliser per node, factorials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import factorial

#: (node u, site of u, node v, site of v)
Edge = tuple[int, int, int, int]


@dataclass(frozen=True)
class NodeType:
    """What a node is.

    Attributes:
        name: text that is equal for equal types only.
        symmetries: permutations of the sites, as tuples ``s`` with site i going to ``s[i]``; a group, without repeats.
        kernel: number of symmetries of the node that move no site (factor in the automorphism count).
        capacity: attachment points per site, which may be permuted among themselves; None where sites have no points.
    """

    name: str
    symmetries: tuple[tuple[int, ...], ...]
    kernel: int = 1
    capacity: tuple[int, ...] | None = None

    @property
    def order(self) -> int:
        """Number of symmetries of the node alone, permutations of free points included."""
        count = self.kernel * len(self.symmetries)
        for points in self.capacity or ():
            count *= factorial(points)
        return count


def canonical(nodes: Sequence[NodeType], edges: Sequence[Edge]) -> tuple[str, int]:
    """The canonical name of a tree and the number of its automorphisms.

    Args:
        nodes: at least one.
        edges: ``len(nodes) - 1`` edges that join them all.

    Returns:
        A text that is equal for two trees exactly when they are isomorphic, and |Aut| >= 1.
    """
    neighbours: list[list[tuple[int, int, int]]] = [[] for _ in nodes]  # (own site, other node, its site)
    for u, a, v, b in edges:
        neighbours[u].append((a, v, b))
        neighbours[v].append((b, u, a))
    centre = _centre(neighbours)
    count = 1

    def code(node: int, parent: int, parent_site: int) -> str:
        nonlocal count
        type_ = nodes[node]
        hanging: dict[int, list[str]] = {}
        for site, other, other_site in neighbours[node]:
            label = "^" if other == parent else code(other, node, other_site)
            hanging.setdefault(site, []).append(label)
        count *= type_.kernel
        if type_.capacity is not None:
            for site, points in enumerate(type_.capacity):
                count *= factorial(points - len(hanging.get(site, ())))
        for labels in hanging.values():
            if len(labels) > 1:
                labels.sort()
                for _, equal in groupby(labels):
                    count *= factorial(len(list(equal)))
        plain = {site: ",".join(labels) for site, labels in hanging.items()}
        if len(type_.symmetries) == 1:
            best = ";".join(f"{site}:{plain[site]}" for site in sorted(plain))
        else:
            # only occupied sites are compared: their images and what hangs there name the arrangement
            images = [sorted((s[site], text) for site, text in plain.items()) for s in type_.symmetries]
            least = min(images)
            count *= images.count(least)
            best = ";".join(f"{site}:{text}" for site, text in least)
        return f"{type_.name}({best})"

    if len(centre) == 1:
        return code(centre[0], -1, -1), count
    u, v = centre
    halves = sorted((code(u, v, -1), code(v, u, -1)))
    return "~".join(halves), count * (2 if halves[0] == halves[1] else 1)


def _centre(neighbours: Sequence[Sequence[tuple[int, int, int]]]) -> list[int]:
    """The one or two nodes in the middle of a tree."""
    degree = [len(n) for n in neighbours]
    layer = [i for i, d in enumerate(degree) if d <= 1]
    left = len(degree)
    while left > 2:
        left -= len(layer)
        following = []
        for node in layer:
            for _, other, _ in neighbours[node]:
                degree[other] -= 1
                if degree[other] == 1:
                    following.append(other)
        layer = following
    return layer
