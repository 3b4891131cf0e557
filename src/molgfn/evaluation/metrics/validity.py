"""How many samples are molecules at all."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import SHARE, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind


class Validity(Metric):
    """Share of all samples that are valid molecules (RDKit sanitises them), with the Wilson interval.

    ``validity/scored`` is the share of all samples for which the oracle gave a value.
    """

    name: ClassVar[str] = "validity"
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Brown et al., GuacaMol, J. Chem. Inf. Model. 59 (2019), arXiv 1811.09621"
    scales: ClassVar[Scales] = {"validity*": SHARE}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        out = {"validity": Reading.proportion(int(samples.valid.sum()), len(samples))}
        if samples.value is not None:
            scored = int((~np.isnan(samples.value) & samples.valid).sum())
            out["validity/scored"] = Reading.proportion(scored, len(samples))
        return out
