"""Deep ensembles: the members are networks, and their disagreement is the uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import ConfigDict, Field, with_config
from rdkit import Chem

from molgfn.proxies.base import Card, Count, FittedProxy, Uncertainty, of_label
from molgfn.proxies.features import molecule_graphs
from molgfn.proxies.files import KEY, card_of, require_tensors, training_of
from molgfn.proxies.neighbours import Neighbours
from molgfn.proxies.network import EnsembleNetwork
from molgfn.proxies.training import predict

#: molecules that become graphs at once, to bound memory
CHUNK = 1024


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class ProxyCard(Card):
    """Everything about an ensemble but its weights.

    Attributes:
        members: networks in the ensemble.
        width: of their states.
        layers: their rounds of messages.
    """

    members: Annotated[int, Field(ge=2)]
    width: Count
    layers: Count


class ProxyEnsemble(FittedProxy):
    """A fitted ensemble.

    Args:
        card: what it is.
        network: its members, in evaluation mode.
        training: fingerprints of the molecules that it was trained on; None where they were not kept.
    """

    uncertainty: ClassVar[Uncertainty] = "ensemble"
    card: ProxyCard

    def __init__(self, card: ProxyCard, network: EnsembleNetwork, training: Neighbours | None = None) -> None:
        self.card = card
        self.network = network
        self.training = training

    def members(self, mols: Sequence[Chem.Mol]) -> np.ndarray:
        """Prediction of each member for each molecule, in units of the property (of labels the probability of 1),
        float64 [K, B].
        """
        pieces = [
            predict(self.network, molecule_graphs(mols[i : i + CHUNK])).double().numpy()
            for i in range(0, len(mols), CHUNK)
        ]
        standard = np.concatenate(pieces, 1) if pieces else np.zeros((self.card.members, 0))
        return self.card.stated(standard)

    def predict(self, mols: Sequence[Chem.Mol]) -> tuple[np.ndarray, np.ndarray]:
        """As ``latent``: an ensemble of numbers does not tell noise from doubt. Of labels the probability of 1, and the
        standard deviation of a label.
        """
        mean, deviation = self.latent(mols)
        return of_label(mean) if self.card.task == "classification" else (mean, deviation)

    def latent(self, mols: Sequence[Chem.Mol]) -> tuple[np.ndarray, np.ndarray]:
        """Mean over the members and calibrated standard deviation (ddof 1, times ``std_factor``), float64 [B] each."""
        each = self.members(mols)
        return each.mean(0), self.card.std_factor * each.std(0, ddof=1)

    def describe(self) -> str:
        weights = sum(p.numel() for p in self.network.parameters())
        card = self.card
        return (
            f"ensemble: {card.members} members, width {card.width}, {card.layers} layers, {weights:,} weights; "
            f"best epochs {', '.join(map(str, card.settings.get('best_epochs', [])))}"
        )

    def _plain(self) -> dict[str, Any]:
        return {"weights": self.network.state_dict()}

    @classmethod
    def of(cls, path: Path, content: dict[str, Any]) -> Self:
        card = card_of(path, content[KEY], ProxyCard)
        with torch.device("meta"):  # shapes only: what the card claims costs no memory
            network = EnsembleNetwork(members=card.members, width=card.width, layers=card.layers)
        weights = require_tensors(path, network.state_dict(), content.get("weights"))
        network.load_state_dict(weights, assign=True)
        return cls(card, network.requires_grad_(False).eval(), training_of(path, content.get("training")))
