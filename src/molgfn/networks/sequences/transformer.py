"""A causal transformer over sequences, with keys and values kept while a sequence grows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from molgfn.errors import ConfigError
from molgfn.networks.sequences.trunk import Memory, SequenceTrunk


class KeysAndValues(Memory):
    """Of every layer, at all places so far.

    Attributes:
        layers: for each layer keys and values, [2, B, heads, room, width / heads].
        filled: places that some sequence has; a number of the host, so that nobody need ask the device.
    """

    def __init__(self, layers: list[Tensor], filled: int) -> None:
        self.layers, self.filled = layers, filled

    def keep(self, rows: Tensor) -> None:
        room, filled = self.layers[0].shape[3], self.filled
        for k, layer in enumerate(self.layers):  # of what is not written yet nothing is copied
            new = layer.new_empty(2, len(rows), layer.shape[2], room, layer.shape[4])
            new[:, :, :, :filled] = layer[:, :, :, :filled].index_select(1, rows)
            new[:, :, :, filled:] = 0.0  # a shorter sequence does not write at the next place, and a mask keeps NaN
            self.layers[k] = new


class CausalLayer(nn.Module):
    """Attention to earlier places, then a feed-forward block; both residual, norms first."""

    def __init__(self, *, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed_in = nn.Linear(width, expansion * width)
        self.feed_out = nn.Linear(expansion * width, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[R, T, width] -> the same, and keys and values [2, R, heads, T, width / heads]."""
        rows, places, width = x.shape
        q, k, v = self.qkv(self.norm(x)).view(rows, places, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self._rest(x, attended.transpose(1, 2).reshape(rows, places, width)), torch.stack([k, v])

    def step(self, x: Tensor, known: Tensor, place: Tensor, bias: Tensor) -> Tensor:
        """[B, width] at ``place`` int64 [B] -> the same.

        ``known``: keys and values of this layer, to which those of the place are added; ``bias`` [B, 1, 1, t]: very
        negative at places after it.
        """
        q, k, v = self.qkv(self.norm(x)).view(len(x), 3, self.heads, -1).unbind(1)
        row = torch.arange(len(x), device=x.device)
        known[0, row, :, place], known[1, row, :, place] = k, v
        seen = known[:, :, :, : bias.shape[3]]
        attended = functional.scaled_dot_product_attention(q[:, :, None], seen[0], seen[1], attn_mask=bias)
        return self._rest(x, attended.flatten(1))

    def _rest(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.out(attended)
        return x + self.feed_out(functional.gelu(self.feed_in(self.feed_norm(x))))


class CausalTransformer(SequenceTrunk):
    """A decoder of the kind of GPT-2 (Vaswani et al. 2017, arXiv 1706.03762), without dropout: P_F is one function.

    Args:
        width: size of vectors and states; a multiple of ``heads``.
        layers: layers.
        heads: attention heads.
        expansion: hidden size of the feed-forward blocks over ``width``.
        places: most places of a sequence.
    """

    def __init__(self, *, width: int, layers: int, heads: int, expansion: int, places: int) -> None:
        super().__init__()
        if width % heads:
            raise ConfigError(f"width ({width}) is not a multiple of heads ({heads})")
        self.inputs = self.width = width
        self.place = nn.Embedding(places, width)
        nn.init.normal_(self.place.weight, std=0.02)  # small beside what stands there
        self.layers = nn.ModuleList(CausalLayer(width=width, heads=heads, expansion=expansion) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        return self._whole(x)[0]

    def _whole(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = x + self.place.weight[: x.shape[1]]
        known = []
        for layer in self.layers:
            x, one = layer(x)
            known.append(one)
        return self.norm(x), known

    def begin(self, x: Tensor, length: Tensor, room: int) -> tuple[Tensor, KeysAndValues]:
        states, known = self._whole(x)
        filled = x.shape[1]
        layers = []
        for one in known:  # zeros, as a mask takes no NaN away from what was never written
            layers.append(functional.pad(one, (0, 0, 0, room - filled)))
        last = states[torch.arange(len(x), device=x.device), length - 1]
        return last, KeysAndValues(layers, filled)

    def step(self, x: Tensor, memory: KeysAndValues, place: Tensor) -> Tensor:  # type: ignore[override]
        memory.filled = min(memory.filled + 1, memory.layers[0].shape[3])
        x = x + self.place(place)
        later = torch.arange(memory.filled, device=x.device) > place[:, None]
        bias = torch.zeros(later.shape, dtype=x.dtype, device=x.device).masked_fill(later, -1e9)[:, None, None]
        for layer, known in zip(self.layers, memory.layers, strict=True):
            x = layer.step(x, known, place, bias)  # type: ignore[operator]
        return self.norm(x)
