"""The posterior over the masks of a network, but for its normalisation."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import PositiveFloat

from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.string import STRING
from molgfn.oracles.base import Oracle
from molgfn.oracles.masks.networks import NetworkWithMasks

if TYPE_CHECKING:
    from torch import Tensor

    from molgfn.proxies.masks.network import MaskedNetwork
    from molgfn.proxies.masks.posterior import Evidence

#: masks under which all molecules are predicted at once
CHUNK = 256


class MaskPosterior(Oracle):
    """beta log p(y | x, z) + log p(z) in nats, of masks z of a trained network: with R = exp(value) and beta = 1,
    R / Z is the posterior p(z | x, y).

    The likelihood is normal around the prediction under the mask, with the proxy's noise, or of a classifier that of a
    Bernoulli variable; it is a product over all molecules of the table. Under the prior each unit is dropped at the
    proxy's rate. A masked layer of n units is multiplied by n / sum(z) (``proxies.masks.network``). All in float64.

    Args:
        network: whose masks they are, and the data.
        beta: power of the likelihood, an inverse temperature.

    Reference:
        Liu et al., "GFlowOut: Dropout with Generative Flow Networks", ICML 2023, arXiv 2210.12928, equation 3.
    """

    kind: ClassVar[ObjectKind] = STRING
    name: ClassVar[str] = "mask_posterior"
    range: ClassVar[tuple[float, float]] = (float("-inf"), float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    units: ClassVar[str] = "nat"
    source: ClassVar[str] = "arXiv 2210.12928"

    def __init__(self, *, network: NetworkWithMasks, beta: PositiveFloat = 1.0) -> None:
        self.network, self.beta = network, beta
        self.alphabet, self.length = "01", network.units
        self._ready: tuple[MaskedNetwork, Evidence, float] | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return self.network.files

    def prepare(self) -> None:
        self._read()

    def _read(self) -> tuple[MaskedNetwork, Evidence, float]:
        """The network in float64, the evidence, and the prior's log odds of a kept unit."""
        if self._ready is None:
            import torch

            from molgfn.proxies.features import molecule_graphs
            from molgfn.proxies.masks.posterior import Evidence

            proxy, table = self.network.read()
            card, network = proxy.card, proxy.network
            mols = [molecule.mol for molecule in table.molecules if molecule.mol is not None]
            embedding = network.embeddings(molecule_graphs(mols)).double()
            labels = torch.from_numpy((table.values - card.mean) / card.scale)
            self._ready = copy.deepcopy(network).double(), Evidence(embedding, labels, card.noise), card.rate
        return self._ready

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """Of each mask, float64 [B]; the masks are strings of 0 and 1."""
        import torch

        network, evidence, rate = self._read()
        masks = self._masks(objects)
        kept = masks.sum(1)
        prior = kept * math.log1p(-rate) + (self.length - kept) * math.log(rate)
        with torch.no_grad():
            likelihood = [
                evidence.log_likelihood(network.walk(evidence.embedding, m[:, None])) for m in masks.split(CHUNK)
            ]
        total = torch.cat([piece.sum(1) for piece in likelihood]) if likelihood else masks.new_zeros(0)
        return (self.beta * total + prior).numpy()

    def _masks(self, objects: Sequence[Any]) -> Tensor:
        """float64 [B, n]."""
        import torch

        for text in objects:
            if not isinstance(text, str) or len(text) != self.length or not set(text) <= {"0", "1"}:
                raise DataError(f"oracle mask_posterior: {text!r} is not a mask of {self.length} units, 0 or 1 each")
        bits = np.array([list(text) for text in objects]).reshape(-1, self.length) == "1"
        return torch.from_numpy(bits.astype(np.float64))
