"""What a trunk computed while a policy was rolled out, kept for the gradient step that follows."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.networks.transformer_layer import Activations, Weights


class Recording:
    """Activations of all layers at all nodes that came by, one batch of nodes after the other.

    Memory is taken as it is needed, and is in proportion to the number of nodes.

    Args:
        weights: of the layers, the linear maps of the type ``products``, as they are while it is recorded.
        width: of its node states.
        heads: of its attention.
        expansion: hidden size of its feed-forward blocks over ``width``.
        products: the type that matrix products are computed in.

    Attributes:
        n: nodes so far.
    """

    def __init__(self, weights: list[Weights], width: int, heads: int, expansion: int, products: torch.dtype) -> None:
        self.weights, self.heads, self.products = weights, heads, products
        self.sizes = width, heads, expansion
        self.layers: list[Activations | None] = [None] * len(weights)
        self.room = 0
        self.n = 0
        self._places: list[Tensor] = []
        self._graphs = 0

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
        if end > self.room or not self.room:
            self.room = max(2 * end, 4 * n_graphs * max_nodes)  # of what is not written nothing is taken
            for k, old in enumerate(self.layers):
                new = Activations.empty(self.room + 512, *self.sizes, like, self.products)
                for into, was in zip(new, old or (), strict=False):  # nothing was there at first
                    into[:start] = was[:start]
                self.layers[k] = new
        self._places.append((graph + self._graphs) * max_nodes + slot)
        self._graphs += n_graphs
        self.n = end
        return start, end

    def of(self, k: int, start: int, end: int) -> Activations:
        """Of layer k, the rows from ``start`` to before ``end``."""
        layer = self.layers[k]
        assert layer is not None
        return layer.rows(start, end)

    def at(self, place: Tensor) -> list[Activations]:
        """Of every layer at nodes, by their places: the number of the graph times its most nodes, plus the slot."""
        places = torch.cat(self._places)
        table = places.new_zeros(int(places.max()) + 1).index_copy_(0, places, torch.arange(self.n))
        rows, layers = table[place], [self.of(k, 0, self.n) for k in range(len(self.layers))]
        if len(rows) == self.n and torch.equal(rows, torch.arange(self.n)):  # a tree grows by a node a step
            return layers
        return [layer.at(rows) for layer in layers]
