"""What a trunk computed while a policy was rolled out, kept for the gradient step that follows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from molgfn.networks.transformer_layer import Activations, Prepared

#: nodes for every slot of a graph that the first block has room for
_SLOTS = 12


@dataclass
class _Block:
    """Memory for the nodes from ``start`` to before ``start + room``; a tensor for each activation of each layer."""

    start: int
    room: int
    layers: list[Activations]


class Recording:
    """Activations of all layers at all nodes that came by, one batch of nodes after the other.

    Memory is taken as it is needed, in proportion to the number of nodes, and never copied to make room; it is large
    (27 KB a node with 4 layers of 128), so what is handed out in another order takes the place of what was there.

    Args:
        weights: of the layers, the linear maps of the type ``products``, as they are while it is recorded.
        width: of its node states.
        heads: of its attention.
        expansion: hidden size of its feed-forward blocks over ``width``.
        products: the type that matrix products are computed in.
        expected: nodes that there may be in all, as there were in the rollout before; more may come.

    Attributes:
        n: nodes so far.
        whole: of all graphs that came by all nodes are there, not of those alone where something was left to choose.
    """

    def __init__(
        self,
        weights: list[Prepared],
        width: int,
        heads: int,
        expansion: int,
        products: torch.dtype,
        expected: int = 0,
    ) -> None:
        self.weights, self.heads, self.products = weights, heads, products
        self.sizes = width, heads, expansion
        self.n = 0
        self.whole = True
        self._expected = expected
        self._blocks: list[_Block] = []
        self._places: list[Tensor] = []
        self._graphs = 0

    @property
    def nbytes(self) -> int:
        """Of what was recorded, without the room that was left."""
        if not self._blocks:
            return 0
        return self.n * sum(t[:1].nbytes for layer in self._blocks[0].layers for t in layer)

    def more(self, n: int, graph: Tensor, slot: Tensor, n_graphs: int, max_nodes: int, like: Tensor) -> tuple[int, int]:
        """Room for n more nodes in every layer.

        Args:
            n: how many.
            graph: int64 [n], of n_graphs, which count on from those before.
            slot: int64 [n], in [0, max_nodes).
            n_graphs: graphs that they belong to.
            max_nodes: most nodes of a graph.
            like: of the type of the activations.

        Returns:
            The first of their rows, and the one after the last.
        """
        start, end = self.n, self.n + n
        if not self._blocks or end > self._blocks[-1].start + self._blocks[-1].room:
            # of what is not written nothing is taken
            room = max(n, self.n, _SLOTS * n_graphs * max_nodes, int(1.1 * self._expected) - self.n)
            layers = [self._empty(room + 512, like) for _ in self.weights]
            self._blocks.append(_Block(start, room, layers))
        self._places.append((graph + self._graphs) * max_nodes + slot)
        self._graphs += n_graphs
        self.n = end
        return start, end

    def of(self, k: int, start: int, end: int) -> Activations:
        """Of layer k, the rows from ``start`` to before ``end``, for which ``more`` last made room."""
        block = self._blocks[-1]
        return block.layers[k].rows(start - block.start, end - block.start)

    def at(self, place: Tensor) -> list[Activations]:
        """Of every layer at nodes, by their places: the number of the graph times its most nodes, plus the slot."""
        places = torch.cat(self._places)
        table = places.new_zeros(int(places.max()) + 1).index_copy_(0, places, torch.arange(self.n))
        rows, plain = table[place], torch.arange(self.n)
        if len(self._blocks) > 1:
            self._join()
        (block,) = self._blocks
        if not torch.equal(rows, plain):  # equal where a tree grows by a node a step
            if len(rows) < self.n or not torch.zeros(self.n, dtype=torch.bool).index_fill_(0, rows, True).all():
                return [layer.rows(0, self.n).at(rows) for layer in block.layers]
            self._reorder(block, rows)
            self._places = [place]
        return [layer.rows(0, self.n) for layer in block.layers]

    def _empty(self, n: int, like: Tensor) -> Activations:
        return Activations.empty(n, *self.sizes, like, self.products)

    def _join(self) -> None:
        """One block of all; beside them there is never more than one tensor."""
        starts = [*(block.start for block in self._blocks), self.n]
        # layer by layer, block by block
        left = list(zip(*([list(layer) for layer in block.layers] for block in self._blocks), strict=True))
        self._blocks.clear()
        layers = []
        for parts in left:
            made = self._empty(self.n + 512, parts[0][0])
            for field, into in enumerate(made):
                for part, (start, end) in zip(parts, pairwise(starts), strict=True):
                    into[start:end] = part[field][: end - start]
                    part[field] = into  # what was there is free
            layers.append(made)
        self._blocks.append(_Block(0, self.n, layers))

    def _reorder(self, block: _Block, rows: Tensor) -> None:
        """Row i becomes what row ``rows[i]`` was; beside them there is never more than one tensor of a kind."""
        spare: dict[tuple[int, torch.dtype], Tensor] = {}
        for k, layer in enumerate(block.layers):
            made = []
            for t in layer:
                kind = t.shape[1], t.dtype
                into = spare.pop(kind, None)
                into = torch.empty_like(t) if into is None else into
                torch.index_select(t, 0, rows, out=into[: len(rows)])
                spare[kind] = t
                made.append(into)
            block.layers[k] = Activations(*made)
