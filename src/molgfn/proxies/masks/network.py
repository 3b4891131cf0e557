"""A graph network whose last two layers have masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from molgfn.proxies.features import MoleculeGraphs
from molgfn.proxies.network import EnsembleNetwork, StackedLinear, tensors
from molgfn.proxies.training import CHUNK


@dataclass(frozen=True)
class Trail:
    """What masks met on their way through the network.

    Attributes:
        activations: of each layer with masks, before its own, [..., A_l]; without gradients.
        predictions: standardised, [...].
    """

    activations: list[Tensor]
    predictions: Tensor


class MaskedNetwork(EnsembleNetwork):
    """One network as those of an ensemble, with masks over the ``width`` channels of what the atoms of a molecule come
    to (mean and sum share a mask) and over the ``width`` hidden units of the readout.

    A masked layer of n units is multiplied by n / sum(m), with sum(m) at least 1, so that its size does not depend on
    how many are kept. A mask over both layers is [..., 2 width], 1 where a unit is kept; layer after layer in this
    order. While the network trains, ``forward`` draws one mask for each molecule, each unit dropped at ``rate``; in
    evaluation it keeps all units.

    Args:
        width: n of both layers.
        layers: rounds of messages.
        rate: probability that a unit is dropped while training, in (0, 1).
        seed: of the parameters and of the masks in training.

    Reference:
        Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016, arXiv 1506.02142; n / sum(m) as Liu et
        al., "GFlowOut: Dropout with Generative Flow Networks", ICML 2023, arXiv 2210.12928.
    """

    def __init__(self, *, width: int, layers: int, rate: float, seed: int = 0) -> None:
        super().__init__(members=1, width=width, layers=layers)
        self.rate = rate
        self._random = torch.Generator().manual_seed(seed)

    @property
    def sizes(self) -> tuple[int, int]:
        """Units with a mask in each layer."""
        return self.width, self.width

    @property
    def activation_sizes(self) -> tuple[int, int]:
        """Numbers of ``Trail.activations`` in each layer."""
        return 2 * self.width, self.width

    def forward(self, features: Tensor, edges: Tensor, kind: Tensor, sizes: Tensor) -> Tensor:
        """Standardised prediction for each molecule, float32 [1, B]; arguments as of ``embed``."""
        embedding = self.embed(features, edges, kind, sizes)
        if not self.training:
            return self.readout(embedding)[:, :, 0]
        draws = torch.rand(1, len(sizes), sum(self.sizes), generator=self._random)
        return self.walk(embedding, (draws >= self.rate).to(embedding.dtype))

    def activations(self, layer: int, below: Tensor) -> Tensor:
        """Activations of a layer before its mask, [..., A_l], from what comes out of the one below."""
        return below if layer == 0 else self._linear(0, below).relu()

    def masked(self, layer: int, activations: Tensor, mask: Tensor) -> Tensor:
        """The activations under the mask [..., n] of the layer, times n / sum(m)."""
        scaled = mask * (self.sizes[layer] / mask.sum(-1, keepdim=True).clamp(min=1.0))
        return activations * (torch.cat([scaled, scaled], -1) if layer == 0 else scaled)

    def output(self, below: Tensor) -> Tensor:
        """Standardised prediction, [...]."""
        return self._linear(2, below)[..., 0]

    def walk(self, embedding: Tensor, masks: Tensor) -> Tensor:
        """Standardised predictions [...] of embeddings [..., 2 width] under masks [..., 2 width], broadcast."""
        below = embedding
        for layer, mask in enumerate(masks.split(self.sizes, -1)):
            below = self.masked(layer, self.activations(layer, below), mask)
        return self.output(below)

    @torch.no_grad()
    def trail(self, embedding: Tensor, masks: Tensor) -> Trail:
        """As ``walk``, with what the masks met."""
        below, met = embedding, []
        for layer, mask in enumerate(masks.split(self.sizes, -1)):
            met.append(self.activations(layer, below))
            below = self.masked(layer, met[-1], mask)
        return Trail(met, self.output(below))

    @torch.no_grad()
    def embeddings(self, graphs: MoleculeGraphs) -> Tensor:
        """What the masked layers get of each molecule, float32 [M, 2 width], in pieces that fit the cache."""
        rows = np.arange(len(graphs))
        pieces = [self.embed(*tensors(graphs.take(rows[i : i + CHUNK])))[0] for i in range(0, len(rows), CHUNK)]
        return torch.cat(pieces) if pieces else torch.zeros(0, 2 * self.width)

    def _linear(self, place: int, x: Tensor) -> Tensor:
        linear = cast("StackedLinear", cast("nn.Sequential", self.readout)[place])
        return x @ linear.weight[0] + linear.bias[0, 0]
