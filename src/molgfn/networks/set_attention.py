"""Attention among very many things by way of a few learned ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molgfn.networks.mlp import mlp


class InducedAttention(nn.Module):
    """Each of n things attends to m learned points, which have attended to all of them: O(n m), whatever their order.

    Args:
        width: of the things' embeddings, a multiple of ``heads``.
        points: m.
        heads: of the attention.

    Reference: Lee et al. 2019, arXiv 1810.00825, equation 9 (induced set attention block).
    """

    def __init__(self, width: int, points: int, heads: int = 4) -> None:
        super().__init__()
        self.points = nn.Parameter(torch.randn(points, width) / width**0.5)
        self.gather = nn.MultiheadAttention(width, heads, batch_first=True)
        self.spread = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))
        self.blocks = nn.ModuleList(mlp(width, width, 1, width) for _ in range(2))

    def forward(self, things: Tensor, beside: Tensor | None = None) -> Tensor:
        """float [n, width], and [l, width] that are attended to as well -> [n, width]."""
        seen = things if beside is None else torch.cat([things, beside])
        points = self._block(0, self.points, seen)
        return self._block(1, things, points)

    def _block(self, number: int, asking: Tensor, seen: Tensor) -> Tensor:
        attention = self.gather if number == 0 else self.spread
        found, _ = attention(asking[None], seen[None], seen[None], need_weights=False)
        hidden = self.norms[2 * number](asking + found[0])
        return self.norms[2 * number + 1](hidden + self.blocks[number](hidden))
