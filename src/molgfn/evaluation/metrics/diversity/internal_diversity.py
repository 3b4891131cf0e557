"""How different the objects are from each other."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from molgfn.chemistry.fingerprints import tanimoto
from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import SHARE, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasFingerprints

#: rows of the similarity matrix that are held at once
BLOCK = 1024


class InternalDiversity(Metric):
    """IntDiv1: 1 - mean Tanimoto similarity over all pairs of different unique objects (molecules: Morgan, radius 2,
    2048 bits).

    An object is not paired with itself; MOSES counts those pairs too, which lowers its number by (1 - mean)/U for U
    objects. The standard error is that of a U-statistic, 2 sd(row means) / sqrt(U).
    """

    name: ClassVar[str] = "internal_diversity"
    kinds: ClassVar[type[ObjectKind]] = HasFingerprints
    reference: ClassVar[str] = "Polykovskiy et al., MOSES, Front. Pharmacol. 11 (2020), arXiv 1811.12823"
    scales: ClassVar[Scales] = {"internal_diversity": SHARE}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        bits = samples.fingerprints
        n = len(bits)
        if n < 2:
            return {self.name: Reading.missing(f"{n} different {samples.kind.plural}; a pair needs two")}
        rows = np.concatenate([tanimoto(bits[i : i + BLOCK], bits).sum(1) for i in range(0, n, BLOCK)])
        rows = (rows - 1.0) / (n - 1)
        value = 1.0 - float(rows.mean())
        if n < 3:
            return {self.name: Reading(value, count=n, note="one pair only, so no interval")}
        error = 2.0 * float(rows.std(ddof=1)) / math.sqrt(n)
        return {self.name: Reading(value, value - 1.96 * error, value + 1.96 * error, error, n)}
