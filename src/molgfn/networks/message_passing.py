"""Message passing along edges, with layers of torch-geometric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GATv2Conv, GINEConv

from molgfn.networks.mlp import mlp


class MessagePassing(nn.Module):
    """Trunk: node and edge states to node states, residual, layer-normalised.

    ``gine``: GINE (Hu et al. 2020, arXiv 1905.12265); ``gatv2``: GATv2 (Brody et al. 2022, arXiv 2105.14491).

    Args:
        width: size of node and edge states.
        layers: number of layers; a node sees as many joins far.
        convolution: which layer.
    """

    def __init__(self, *, width: int = 128, layers: int = 4, convolution: Literal["gine", "gatv2"] = "gine") -> None:
        super().__init__()

        def layer() -> nn.Module:
            if convolution == "gine":
                return GINEConv(mlp(width, width, 1, width), train_eps=True)
            return GATv2Conv(width, width // 4, heads=4, edge_dim=width, add_self_loops=True, fill_value=0.0)

        self.layers = nn.ModuleList(layer() for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edges: Tensor,
        layout: object,
        beside: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """[n, width] -> [n, width]; called as the graph transformer is (``layout`` is not needed)."""
        for k, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            x = x if beside is None else x + beside[k]
            x = x + functional.relu(layer(norm(x), edge_index, edges))
        return self.norm(x)
