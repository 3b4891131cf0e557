"""Distributions over the masks of a network, layer by layer in a fixed order."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from molgfn.proxies.masks.network import MaskedNetwork, Trail

#: hidden layers of the network of each layer's mask
HIDDEN = (32, 32)


class MaskSampler(nn.Module):
    """q(z) = prod over layers l of q(z_l | z_1 ... z_l-1, ...), the units of one layer independent given those before.

    The layers have a fixed order, so a mask is drawn in one way only, P_B = 1.
    """

    @abstractmethod
    def logits(self, layer: int, before: Tensor, activations: Tensor, label: Tensor | None) -> Tensor:
        """Log odds that each unit of a layer is kept, [..., n_l].

        Args:
            layer: which.
            before: masks of the layers before, [..., n].
            activations: of this layer before its mask, [..., A_l], where it is read.
            label: standardised y of each molecule [...], where it is read.
        """

    @torch.no_grad()
    def draw(
        self,
        network: MaskedNetwork,
        embedding: Tensor,
        uniforms: Tensor,
        *,
        label: Tensor | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Masks [..., n], a unit kept where its uniform number is below its probability.

        Args:
            network: whose masks they are.
            embedding: of molecules, [..., 2 width]; not read by what does not depend on the input.
            uniforms: in [0, 1), [..., n]; what they are broadcast with is the shape of the masks.
            label: standardised y of each molecule.
            temperature: that the log odds are divided by; above 1 more masks are tried.
        """
        below, masks = embedding, uniforms[..., :0]
        for layer, numbers in enumerate(uniforms.split(network.sizes, -1)):
            activations = network.activations(layer, below)
            probability = torch.sigmoid(self.logits(layer, masks, activations, label) / temperature)
            mask = (numbers < probability).to(probability.dtype)
            masks = torch.cat([masks.expand(*mask.shape[:-1], masks.shape[-1]), mask], -1)
            below = network.masked(layer, activations, mask)
        return masks

    def log_prob(self, network: MaskedNetwork, masks: Tensor, trail: Trail, *, label: Tensor | None = None) -> Tensor:
        """log q of masks [..., n] that left this trail, [...]."""
        total, start = torch.zeros(()), 0
        for layer, mask in enumerate(masks.split(network.sizes, -1)):
            logits = self.logits(layer, masks[..., :start], trail.activations[layer], label)
            # log sigmoid(l) where the unit is kept, log sigmoid(-l) where it is dropped
            total = total + functional.logsigmoid(torch.where(mask > 0, logits, -logits)).sum(-1)
            start += mask.shape[-1]
        return total


class BernoulliMasks(MaskSampler):
    """Every unit is dropped at ``rate``, whatever the others do: the prior.

    Args:
        sizes: units of each layer.
        rate: in (0, 1).
    """

    def __init__(self, sizes: Sequence[int], rate: float) -> None:
        super().__init__()
        self.sizes, self.log_odds = tuple(sizes), math.log1p(-rate) - math.log(rate)

    def logits(self, layer: int, before: Tensor, activations: Tensor, label: Tensor | None) -> Tensor:
        return activations.new_full((self.sizes[layer],), self.log_odds)


class LayerwiseMasks(MaskSampler):
    """A perceptron for each layer, which reads the masks before, and, where given, the layer's activations and a label.

    It starts as the prior: the last weights are 0, the last biases the prior's log odds.

    Args:
        sizes: units of each layer.
        rate: of the prior, in (0, 1).
        activations: A_l of each layer, where they are read; None: q does not depend on the molecule.
        label: y is read.
        seed: of the parameters.

    Reference: arXiv 2210.12928, section 4: q(z) and q(z | x, y), with hidden layers of 32 and 32 units.
    """

    def __init__(
        self, sizes: Sequence[int], rate: float, *, activations: Sequence[int] | None, label: bool, seed: int
    ) -> None:
        super().__init__()
        self.reads_molecule, self.reads_label = activations is not None, label
        nets, before = [], 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for layer, size in enumerate(sizes):
                inputs = 1 + before + (0 if activations is None else activations[layer]) + label
                widths = [inputs, *HIDDEN]
                steps = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.LeakyReLU())]
                last = nn.Linear(widths[-1], size)
                nn.init.zeros_(last.weight)
                nn.init.constant_(last.bias, math.log1p(-rate) - math.log(rate))
                nets.append(nn.Sequential(*steps, last))
                before += size
        self.nets = nn.ModuleList(nets)

    def logits(self, layer: int, before: Tensor, activations: Tensor, label: Tensor | None) -> Tensor:
        parts = [before]
        if self.reads_molecule:
            parts.append(activations)
        if self.reads_label:
            if label is None:
                raise ValueError("this distribution reads the label of each molecule")
            parts.append(label[..., None])
        shape = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
        parts.append(before.new_ones(1))  # the first layer of q(z) has nothing else to read
        return self.nets[layer](torch.cat([part.expand(*shape, part.shape[-1]) for part in parts], -1))
