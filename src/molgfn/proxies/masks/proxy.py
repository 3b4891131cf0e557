"""A proxy whose members are masks of one network: Monte Carlo dropout, or their posterior."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import ConfigDict, Field, with_config
from rdkit import Chem
from torch import Tensor

from molgfn.errors import DataError
from molgfn.proxies.base import Card, Count, FittedProxy, Positive, Uncertainty, of_label
from molgfn.proxies.features import MoleculeGraphs, molecule_graphs
from molgfn.proxies.files import KEY, card_of, require_tensors, training_of
from molgfn.proxies.masks.network import MaskedNetwork
from molgfn.proxies.masks.samplers import BernoulliMasks, LayerwiseMasks, MaskSampler
from molgfn.proxies.neighbours import Neighbours

#: molecules that become graphs at once, and that get all masks at once, to bound memory
CHUNK, MASKED = 1024, 128


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class MaskedCard(Card):
    """Everything about a proxy with masks but its weights.

    Attributes:
        width: of atom states, which is also the number of units of each of the two layers with masks.
        layers: rounds of messages.
        rate: probability of the prior that a unit is dropped.
        samples: masks at test time.
        conditional: they are drawn from p(z | x); otherwise from q(z), or the prior.
        noise: standard deviation of the likelihood, standardised: the error of the whole network on the validation
            part; None of labels, which have none.
    """

    width: Count
    layers: Count
    rate: Annotated[float, Field(gt=0, lt=1)]
    samples: Annotated[int, Field(ge=2)]
    conditional: bool
    noise: Positive | None


class MaskedProxy(FittedProxy):
    """One network and S masks of its last two layers.

    Member s of two molecules is under the same draw: its uniform numbers are in the file, and each unit is kept where
    its number is below its probability. So it is one function of the molecule, also where that probability depends on
    the molecule.

    Args:
        card: what it is.
        network: in evaluation mode.
        sampler: that masks come from at test time.
        uniforms: that they are drawn with, float32 [S, n].
        training: fingerprints of the molecules that it was trained on; None where they were not kept.
    """

    card: MaskedCard

    def __init__(
        self,
        card: MaskedCard,
        network: MaskedNetwork,
        sampler: MaskSampler,
        uniforms: Tensor,
        training: Neighbours | None = None,
    ) -> None:
        self.card, self.network, self.sampler, self.uniforms = card, network, sampler, uniforms
        self.training = training

    def members(self, mols: Sequence[Chem.Mol]) -> np.ndarray:
        """Prediction under each mask for each molecule, in units of the property (of labels the probability of 1),
        float64 [S, B].
        """
        pieces = [
            standard_members(self.network, self.sampler, self.uniforms, molecule_graphs(mols[i : i + CHUNK]))
            for i in range(0, len(mols), CHUNK)
        ]
        standard = np.concatenate(pieces, 1) if pieces else np.zeros((self.card.samples, 0))
        return self.card.stated(standard)

    def latent(self, mols: Sequence[Chem.Mol]) -> tuple[np.ndarray, np.ndarray]:
        """Mean over the masks and their standard deviation (ddof 1, times ``std_factor``), float64 [B] each."""
        each = self.members(mols)
        return each.mean(0), self.card.std_factor * each.std(0, ddof=1)

    def predict(self, mols: Sequence[Chem.Mol]) -> tuple[np.ndarray, np.ndarray]:
        """Mean over the masks, and ``std_factor`` times the root of their variance and that of the noise together; of
        labels the probability of 1, and the standard deviation of a label.
        """
        each = self.members(mols)
        if self.card.noise is None:
            return of_label(each.mean(0))
        return each.mean(0), self.card.std_factor * with_noise(each, self.card.noise * self.card.scale)

    def describe(self) -> str:
        card = self.card
        weights = sum(p.numel() for p in self.network.parameters())
        own = sum(p.numel() for p in self.sampler.parameters())
        drawn = "p(z | x)" if card.conditional else "q(z)" if own else f"the prior, rate {card.rate:g}"
        of_them = f", {own:,} weights" if own else ""
        noise = "labels" if card.noise is None else f"noise {card.noise:.3g} of the spread"
        return (
            f"{self.uncertainty}: width {card.width}, {card.layers} layers, {weights:,} weights; {card.samples} masks "
            f"of {2 * card.width} units from {drawn}{of_them}; {noise}; best epoch "
            f"{', '.join(map(str, card.settings.get('best_epochs', [])))}"
        )

    def _plain(self) -> dict[str, Any]:
        return {
            "weights": self.network.state_dict(),
            "masks": {"uniforms": self.uniforms, **{f"sampler.{k}": v for k, v in self.sampler.state_dict().items()}},
        }

    @classmethod
    def of(cls, path: Path, content: dict[str, Any]) -> Self:
        card = card_of(path, content[KEY], MaskedCard)
        if (card.noise is None) != (card.task == "classification"):
            raise DataError(f"{path}: `noise` of the proxy: numbers have one, labels none; this has {card.noise}")
        with torch.device("meta"):  # shapes only: what the card claims costs no memory
            network = MaskedNetwork(width=card.width, layers=card.layers, rate=card.rate)
            sampler = cls.sampler_of(card)
        uniforms = torch.empty(card.samples, 2 * card.width, device="meta")
        expected = {"uniforms": uniforms, **{f"sampler.{k}": v for k, v in sampler.state_dict().items()}}
        weights = require_tensors(path, network.state_dict(), content.get("weights"))
        masks = require_tensors(path, expected, content.get("masks"), "masks")
        network.load_state_dict(weights, assign=True)
        sampler.load_state_dict({k[8:]: v for k, v in masks.items() if k.startswith("sampler.")}, assign=True)
        for module in (network, sampler):
            module.requires_grad_(False).eval()
        return cls(card, network, sampler, masks["uniforms"], training_of(path, content.get("training")))

    @classmethod
    @abstractmethod
    def sampler_of(cls, card: MaskedCard) -> MaskSampler:
        """A sampler of the right shape, whose weights are yet to come."""


class MCDropout(MaskedProxy):
    """Masks from the prior, as they were in training.

    Reference: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016, arXiv 1506.02142.
    """

    uncertainty: ClassVar[Uncertainty] = "mc_dropout"

    @classmethod
    def sampler_of(cls, card: MaskedCard) -> MaskSampler:
        return BernoulliMasks((card.width, card.width), card.rate)


class Gflowout(MaskedProxy):
    """Masks from their posterior: q(z), or p(z | x) that was fitted on those of q(z | x, y).

    Reference: Liu et al., "GFlowOut: Dropout with Generative Flow Networks", ICML 2023, arXiv 2210.12928.
    """

    uncertainty: ClassVar[Uncertainty] = "gflowout"

    @classmethod
    def sampler_of(cls, card: MaskedCard) -> MaskSampler:
        activations = (2 * card.width, card.width) if card.conditional else None
        return LayerwiseMasks((card.width, card.width), card.rate, activations=activations, label=False, seed=0)


@torch.no_grad()
def standard_members(
    network: MaskedNetwork, sampler: MaskSampler, uniforms: Tensor, graphs: MoleculeGraphs
) -> np.ndarray:
    """Standardised prediction of each mask for each molecule, float64 [S, M]."""
    pieces = [
        network.walk(some, sampler.draw(network, some, uniforms[:, None])).double().numpy()
        for some in network.embeddings(graphs).split(MASKED)
    ]
    return np.concatenate(pieces, 1)


def with_noise(members: np.ndarray, noise: float) -> np.ndarray:
    """Root of the variance over the members [S, B] (ddof 1) and that of the noise together, float64 [B]."""
    return np.sqrt(members.var(0, ddof=1) + noise**2)
