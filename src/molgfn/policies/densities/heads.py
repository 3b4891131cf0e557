"""From features of states to mixtures of places."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molgfn.policies.densities.families import Family
from molgfn.policies.densities.mixture import Mixture


def mixture_of(family: Family, logits: Tensor, raw: Tensor) -> Mixture:
    """The mixture of ``logits`` [B, 1 or d, K] and unbounded parameters [B, d, K, 2]."""
    return Mixture(family, torch.log_softmax(logits.double(), -1), *family.shaped(raw))


class MixtureHead(nn.Module):
    """Mixtures over d coordinates from features [B, width].

    Args:
        width: of the features.
        family: density of a coordinate.
        coordinates: d.
        components: K of a mixture.
        joint: one weight for all coordinates, so that they can depend on each other; otherwise d mixtures, each of its
            own.
    """

    def __init__(self, width: int, family: Family, coordinates: int, components: int, joint: bool) -> None:
        super().__init__()
        self.family = family
        self.shape = (1 if joint else coordinates, coordinates, components)
        self.weights = nn.Linear(width, self.shape[0] * components)
        self.places = nn.Linear(width, coordinates * components * 2)
        with torch.no_grad():
            self.places.bias.add_(family.start(components).expand(coordinates, -1, -1).flatten())

    def forward(self, features: Tensor) -> Mixture:
        """Of B states."""
        groups, coordinates, components = self.shape
        logits = self.weights(features).unflatten(1, (groups, components))
        return mixture_of(self.family, logits, self.places(features).unflatten(1, (coordinates, components, 2)))
