"""A graph transformer: in each layer, attention among all nodes of a graph beside messages along its edges.

Structure after GraphGPS (Rampasek et al. 2022, arXiv 2205.12454), pre-norm; written for batches of many small graphs:
matrix products run over real nodes only, padding exists only inside the attention itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from molgfn.errors import ConfigError
from molgfn.networks.recording import Recording
from molgfn.networks.transformer_layer import Activations, Layer, Weights, can, compute


@dataclass(frozen=True)
class Layout:
    """Where the nodes of each graph lie; exactly one of ``sizes`` and ``place`` says so.

    Attributes:
        sizes: (nodes, number of graphs), for node lists that hold the graphs of one size side by side: attention runs
            size by size, without padding (fast on a CPU).
        place: int64 [n], ``graph * N + slot``, with ``bias`` [B, 1, 1, N] (0 at real nodes, very negative at pads):
            attention runs over all graphs at once, padded to N (fast on a GPU, no shape depends on the data).
    """

    sizes: list[tuple[int, int]] | None = None
    place: Tensor | None = None
    bias: Tensor | None = None

    @classmethod
    def of(
        cls, sizes: list[tuple[int, int]] | None, graph: Tensor, slot: Tensor, n_nodes: Tensor, max_nodes: int
    ) -> Layout:
        """From what a graph batch says; ``graph``, ``slot`` int64 [n], ``n_nodes`` int64 [B]."""
        if sizes is not None:
            return cls(sizes=sizes)
        pad = torch.arange(max_nodes, device=graph.device) >= n_nodes.clamp(min=1)[:, None]
        bias = torch.zeros(pad.shape, device=graph.device).masked_fill(pad, -1e9)
        return cls(place=graph * max_nodes + slot, bias=bias[:, None, None, :])


class GraphTransformerLayer(nn.Module):
    """Attention and edge messages, then a feed-forward block; both residual."""

    def __init__(self, *, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.heads = heads
        #: what matrix products are computed in on a CPU; None: in the type of the states
        self.products: torch.dtype | None = None
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.from_all = nn.Linear(width, width)
        self.from_edges = nn.Linear(width, width, bias=False)
        self.feed_norm = nn.LayerNorm(width)
        self.feed_in = nn.Linear(width, expansion * width)
        self.feed_out = nn.Linear(expansion * width, width)

    def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
        """[n, 3 width] -> [n, width]: attention among the nodes of each graph."""
        if layout.sizes is not None:
            if not layout.sizes:  # empty graphs only
                return qkv[:, : qkv.shape[1] // 3]
            parts = qkv.split([size * count for size, count in layout.sizes])
            return torch.cat(
                [
                    self._attend_dense(part.view(count, size, -1), None)
                    for part, (size, count) in zip(parts, layout.sizes, strict=True)
                ]
            )
        batch, slots = layout.bias.shape[0], layout.bias.shape[3]  # type: ignore[union-attr]
        # One more row than there are slots: a node of "graph B" is nobody's and gets zeros.
        padded = qkv.new_zeros(batch * slots + 1, qkv.shape[1]).index_copy(0, layout.place, qkv)  # type: ignore[arg-type]
        attended = self._attend_dense(padded[:-1].view(batch, slots, -1), layout.bias.to(qkv.dtype))  # type: ignore[union-attr]
        return functional.pad(attended, (0, 0, 0, 1)).index_select(0, layout.place)  # type: ignore[arg-type]

    def _attend_dense(self, qkv: Tensor, bias: Tensor | None) -> Tensor:
        """[B, N, 3 width] -> [B * N, width]."""
        batch, slots, width = qkv.shape
        if slots == 1:
            return qkv[:, 0, 2 * width // 3 :]
        q, k, v = qkv.view(batch, slots, 3, self.heads, -1).unbind(2)
        out = functional.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=bias
        )
        return out.transpose(1, 2).reshape(batch * slots, width // 3)

    def forward(
        self, x: Tensor, edge_index: Tensor, edges: Tensor, layout: Layout, known: Activations | None = None
    ) -> Tensor:
        """One layer: ``x`` [n, width], ``edges`` [E, width]; messages run from ``edge_index[0]`` to ``[1]``.

        ``known``: what was computed of it before; only its backward pass is still to come.
        """
        if layout.sizes and can(x):
            sizes, plain = layout.sizes, partial(self._plain, edge_index, layout)
            return Layer.apply(
                self.heads, sizes, self.products or x.dtype, edge_index, known, plain, x, edges, *self.weights
            )  # type: ignore[return-value]
        return self._plain(edge_index, layout, x, edges)

    @property
    def weights(self) -> Weights:
        """The parameters, as ``transformer_layer`` reads them."""
        return Weights(
            norm=self.norm.weight,
            norm_bias=self.norm.bias,
            qkv=self.qkv.weight,
            qkv_bias=self.qkv.bias,
            from_all=self.from_all.weight,
            from_all_bias=self.from_all.bias,
            from_edges=self.from_edges.weight,
            feed_norm=self.feed_norm.weight,
            feed_norm_bias=self.feed_norm.bias,
            feed_in=self.feed_in.weight,
            feed_in_bias=self.feed_in.bias,
            feed_out=self.feed_out.weight,
            feed_out_bias=self.feed_out.bias,
        )

    def _plain(self, edge_index: Tensor, layout: Layout, x: Tensor, edges: Tensor) -> Tensor:
        """The layer, composed of operations that torch can derive any number of times."""
        h = self.norm(x)
        attended = self.attend(self.qkv(h), layout)
        messages = functional.relu(h.index_select(0, edge_index[0]) + edges, inplace=True)
        local = torch.zeros_like(h).index_add(0, edge_index[1], messages)
        x = x + self.from_all(attended) + self.from_edges(local)
        return x + self.feed_out(functional.relu(self.feed_in(self.feed_norm(x)), inplace=True))


def compute_products_in(products: torch.dtype, module: nn.Module) -> int:
    """Have the layers of all graph transformers within ``module`` compute matrix products in a half type on a CPU.

    Weights, norms, attention and sums keep their type. Returns how many layers there are.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, GraphTransformerLayer)]
    for layer in layers:
        layer.products = products
    return len(layers)


class GraphTransformer(nn.Module):
    """Trunk: node and edge states to node states.

    Args:
        width: size of node and edge states.
        layers: number of layers.
        heads: attention heads; divides ``width``.
        expansion: hidden size of the feed-forward block over ``width``.
    """

    def __init__(self, *, width: int = 128, layers: int = 4, heads: int = 4, expansion: int = 4) -> None:
        super().__init__()
        if width % heads:
            raise ConfigError(f"width ({width}) is not a multiple of heads ({heads})")
        self.layers = nn.ModuleList(
            GraphTransformerLayer(width=width, heads=heads, expansion=expansion) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edges: Tensor,
        layout: Layout,
        beside: Sequence[Tensor] | None = None,
        known: Sequence[Activations] | None = None,
    ) -> Tensor:
        """[n, width] -> [n, width]; ``edge_index`` int64 [2, E], ``edges`` [E, width].

        ``beside``: [n, width] for each layer, added to what goes into it. ``known``: what each layer computed at these
        very nodes before (``record``), under the same parameters.
        """
        for k, layer in enumerate(self.layers):
            x = layer(x if beside is None else x + beside[k], edge_index, edges, layout, known and known[k])
        return self.norm(x)

    def recording(self, expected: int = 0) -> Recording:
        """An empty one for this trunk, for about as many nodes as ``expected``."""
        layers: list[GraphTransformerLayer] = list(self.layers)  # type: ignore[arg-type]
        layer = layers[0]
        width = layer.norm.weight.shape[0]
        expansion = layer.feed_in.weight.shape[0] // width
        products = layer.products or layer.feed_in.weight.dtype
        weights = [one.weights.to(products).prepared() for one in layers]
        return Recording(weights, width, layer.heads, expansion, products, expected)

    @torch.no_grad()
    def record(
        self,
        x: Tensor,
        edge_index: Tensor,
        edges: Tensor,
        layout: Layout,
        into: Recording,
        rows: tuple[int, int],
        beside: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """As ``forward``, without gradient; what each layer computes is written to ``rows`` of ``into``."""
        sizes = layout.sizes or []
        for k, weights in enumerate(into.weights):
            x = x if beside is None else x + beside[k]
            x = compute(x, edge_index, edges, sizes, weights, into.heads, into.of(k, *rows))
        return self.norm(x)
