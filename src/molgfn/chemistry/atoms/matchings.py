"""Perfect matchings of a graph: how many there are, all of them, and one drawn uniformly.

The vertices are gone through in an order in which neighbours are close (breadth first); the lowest one that is not yet
matched takes one of its later neighbours. How many ways there are to go on depends only on which of the later vertices
are taken, of which few patterns occur where the graph is nearly a chain or planar: ring systems are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


class Matchings:
    """The perfect matchings of a graph.

    Args:
        n: number of vertices.
        edges: pairs of different vertices, each once.

    Attributes:
        count: number of perfect matchings; 1 for a graph without vertices.
    """

    def __init__(self, n: int, edges: Sequence[tuple[int, int]]) -> None:
        order = _breadth_first(n, edges)
        self._vertex = order
        place = {vertex: i for i, vertex in enumerate(order)}
        self._later: list[list[int]] = [[] for _ in range(n)]
        for a, b in edges:
            low, high = sorted((place[a], place[b]))
            self._later[low].append(high - low)
        # completions[i]: from the bits of the vertices i, i + 1, ... that are taken to the number of ways to go on
        self._completions: list[dict[int, int]] = [{} for _ in range(n + 1)]
        taken: list[set[int]] = [set() for _ in range(n + 1)]
        taken[0].add(0)
        for i in range(n):
            for mask in taken[i]:
                taken[i + 1].update(after for after, _ in self._steps(i, mask))
        self._completions[n] = dict.fromkeys(taken[n], 1)
        for i in reversed(range(n)):
            following = self._completions[i + 1]
            self._completions[i] = {m: sum(following[after] for after, _ in self._steps(i, m)) for m in taken[i]}
        self.count = self._completions[0][0]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Every matching, as its edges (lower vertex first)."""
        if self.count:
            yield from self._from(0, 0, [])

    def draw(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """One of them, each with the same probability, as its edges.

        Raises:
            ValueError: there is none.
        """
        if not self.count:
            raise ValueError("the graph has no perfect matching")
        edges, mask = [], 0
        for i in range(len(self._vertex)):
            steps = list(self._steps(i, mask))
            if len(steps) == 1:
                mask, step = steps[0]
            else:
                weights = [self._completions[i + 1][after] for after, _ in steps]
                ticket = int(rng.integers(sum(weights)))
                chosen = 0
                while ticket >= weights[chosen]:
                    ticket -= weights[chosen]
                    chosen += 1
                mask, step = steps[chosen]
            if step:
                edges.append(self._edge(i, step))
        return edges

    def _steps(self, i: int, mask: int) -> Iterator[tuple[int, int]]:
        """What is then taken from vertex i + 1 on, and how far from i its partner is (0: matched before)."""
        if mask & 1:
            yield mask >> 1, 0
            return
        for step in self._later[i]:
            if not mask >> step & 1:
                yield (mask | 1 << step) >> 1, step

    def _from(self, i: int, mask: int, edges: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
        if i == len(self._vertex):
            yield list(edges)
            return
        for after, step in self._steps(i, mask):
            if self._completions[i + 1][after]:
                if step:
                    yield from self._from(i + 1, after, [*edges, self._edge(i, step)])
                else:
                    yield from self._from(i + 1, after, edges)

    def _edge(self, i: int, step: int) -> tuple[int, int]:
        a, b = self._vertex[i], self._vertex[i + step]
        return (a, b) if a < b else (b, a)


def _breadth_first(n: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    near: list[list[int]] = [[] for _ in range(n)]
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    order: list[int] = []
    seen = [False] * n
    for start in sorted(range(n), key=lambda v: len(near[v])):
        if not seen[start]:
            seen[start] = True
            queue = [start]
            for vertex in queue:
                for other in near[vertex]:
                    if not seen[other]:
                        seen[other] = True
                        queue.append(other)
            order += queue
    return order
