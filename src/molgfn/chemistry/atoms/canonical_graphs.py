"""Canonical form and number of automorphisms of a small graph with labels of vertices and edges: exact, never listed.

Vertices that differ in their label or in what is around them get different colours, until nothing more is told apart
(Weisfeiler and Leman). Where vertices are still alike, one of them is marked and its surroundings are told apart again.
The vertices that automorphisms take into each other give the same results, so one of them is followed: mostly that is
all of a colour, and the search has one branch. Their numbers multiply to |Aut| (a chain of stabilisers), so that four
tert-butyl groups cost no more than their size. Molecules are sparse graphs with small valences, on which this ends
quickly; C60 takes a few hundredths of a second.

Reference: McKay and Piperno, "Practical graph isomorphism, II", J. Symb. Comput. 2014, 60, 94 (arXiv 1301.1493), for
individualisation and refinement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: vertex -> (neighbour, label of the edge)
Near = Sequence[Sequence[tuple[int, int]]]


@dataclass(frozen=True)
class Canonical:
    """What does not depend on how a graph's vertices are numbered.

    Attributes:
        key: equal for two graphs exactly when they are isomorphic.
        automorphisms: |Aut| >= 1.
    """

    key: bytes
    automorphisms: int


def canonical(labels: Sequence[int], edges: Sequence[tuple[int, int, int]]) -> Canonical:
    """The canonical form of a graph.

    Args:
        labels: of the vertices, 0 to 255; at most 255 vertices, in one component or several.
        edges: (vertex, vertex, label), each pair once; labels 0 to 255.
    """
    near: list[list[tuple[int, int]]] = [[] for _ in labels]
    for i, j, label in edges:
        near[i].append((j, label))
        near[j].append((i, label))
    groups: dict[int, list[int]] = {}
    for vertex, label in enumerate(labels):
        groups.setdefault(label, []).append(vertex)
    colours, start = [0] * len(labels), 0
    for label in sorted(groups):
        for vertex in groups[label]:
            colours[vertex] = start
        start += len(groups[label])
    alike = [groups[label] for label in sorted(groups) if len(groups[label]) > 1]
    place, count = _search(_refined(colours, alike, near), near)
    vertices = sorted(range(len(labels)), key=place.__getitem__)
    rows = sorted((*sorted((place[i], place[j])), label) for i, j, label in edges)
    return Canonical(bytes([len(labels), *(labels[v] for v in vertices), *(x for row in rows for x in row)]), count)


@dataclass(frozen=True)
class _Colouring:
    """Colours of the vertices; a colour is the number of vertices with a lower one. ``alike``: groups of one colour."""

    colours: list[int]
    alike: list[list[int]]

    def shape(self) -> list[tuple[int, int]]:
        return [(self.colours[group[0]], len(group)) for group in self.alike]


def _refined(colours: list[int], alike: list[list[int]], near: Near) -> _Colouring:
    """Colours that tell apart what neighbours tell apart; ``colours`` is changed."""
    while True:
        groups, moved = [], []
        for group in alike:
            parts: dict[tuple[int, ...], list[int]] = {}
            for vertex in group:
                seen = tuple(sorted([label << 8 | colours[other] for other, label in near[vertex]]))
                parts.setdefault(seen, []).append(vertex)
            if len(parts) == 1:
                groups.append(group)
                continue
            start = colours[group[0]]
            for seen in sorted(parts):
                part = parts[seen]
                moved.append((part, start))
                if len(part) > 1:
                    groups.append(part)
                start += len(part)
        if not moved:
            return _Colouring(colours, alike)
        for part, start in moved:
            for vertex in part:
                colours[vertex] = start
        alike = groups


def _marked(colouring: _Colouring, vertex: int, near: Near) -> _Colouring:
    """One vertex of the first group of alike ones told apart from the others of it."""
    colours, group = list(colouring.colours), colouring.alike[0]
    others = [v for v in group if v != vertex]
    for other in others:
        colours[other] += 1
    return _refined(colours, ([others] if len(others) > 1 else []) + colouring.alike[1:], near)


def _search(colouring: _Colouring, near: Near) -> tuple[list[int], int]:
    """Canonical place of each vertex, and the number of automorphisms that keep the colours."""
    if not colouring.alike:
        return colouring.colours, 1
    first: list[_Colouring] = []  # one for each orbit of the automorphisms that keep the colours
    sizes: list[int] = []
    for vertex in colouring.alike[0]:
        marked = _marked(colouring, vertex, near)
        orbit = next((k for k, known in enumerate(first) if _isomorphic(known, marked, near)), None)
        if orbit is None:
            first.append(marked)
            sizes.append(1)
        else:
            sizes[orbit] += 1
    found = [_search(marked, near) for marked in first]
    place, count = min(found, key=lambda one: _edges(one[0], near)) if len(found) > 1 else found[0]
    return place, count * sizes[next(k for k, one in enumerate(found) if one[0] is place)]


def _isomorphic(one: _Colouring, other: _Colouring, near: Near) -> bool:
    """Whether a permutation that keeps the edges takes the first colours to the second."""
    if one.shape() != other.shape():
        return False
    if not one.alike:
        vertex_at = [0] * len(other.colours)
        for vertex, colour in enumerate(other.colours):
            vertex_at[colour] = vertex
        image = [vertex_at[colour] for colour in one.colours]
        return all(sorted((image[o], x) for o, x in near[v]) == sorted(near[image[v]]) for v in range(len(image)))
    marked = _marked(one, one.alike[0][0], near)
    return any(_isomorphic(marked, _marked(other, vertex, near), near) for vertex in other.alike[0])


def _edges(place: list[int], near: Near) -> list[list[tuple[int, int]]]:
    """The edges by canonical places, to compare numberings by."""
    rows: list[list[tuple[int, int]]] = [[] for _ in place]
    for vertex, around in enumerate(near):
        rows[place[vertex]] = sorted((place[other], label) for other, label in around)
    return rows
