"""How near the molecules are to the reference."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from molgfn.chemistry.fingerprints import tanimoto
from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import SHARE, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind

#: rows of the similarity matrix that are held at once
BLOCK = 256


class NearestNeighbour(Metric):
    """SNN: mean Tanimoto similarity of each unique molecule to its nearest neighbour in the reference.

    Morgan fingerprints, radius 2, 2048 bits (MOSES has 1024). Of a large reference only a sample is looked at, which
    makes the nearest neighbour a little farther; n counts the molecules compared.
    """

    name: ClassVar[str] = "snn"
    requires: ClassVar[frozenset[str]] = frozenset({"reference_sample"})
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Polykovskiy et al., MOSES, Front. Pharmacol. 11 (2020), arXiv 1811.12823"
    scales: ClassVar[Scales] = {"snn": SHARE}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        known = samples.reference_sample
        if known is None or not len(samples.unique):
            return {self.name: Reading.missing("no valid sample")}
        bits, others = samples.fingerprints, known.fingerprints
        nearest = [tanimoto(bits[i : i + BLOCK], others).max(1) for i in range(0, len(bits), BLOCK)]
        return {self.name: Reading.mean(np.concatenate(nearest).astype(np.float64))}
