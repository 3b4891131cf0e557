"""How many samples are different from each other."""

from __future__ import annotations

from typing import ClassVar

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import SHARE, Scales


class Uniqueness(Metric):
    """Different objects among the valid samples, divided by the valid samples; n in the key is the number of samples.

    It falls with n for every sampler, so only numbers with the same n compare, and no interval is claimed.
    """

    name: ClassVar[str] = "uniqueness"
    reference: ClassVar[str] = "Brown et al., GuacaMol, J. Chem. Inf. Model. 59 (2019), arXiv 1811.09621"
    scales: ClassVar[Scales] = {"uniqueness/*": SHARE}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        valid = int(samples.valid.sum())
        if not valid:
            return {self.name: Reading.missing("no valid sample")}
        return {f"uniqueness/n={len(samples)}": Reading(len(samples.unique) / valid, count=valid)}
