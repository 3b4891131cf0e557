"""How many different objects there are, in effect."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from molgfn.chemistry.fingerprints import tanimoto
from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import COUNT, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasFingerprints


class Vendi(Metric):
    """Vendi score: exp of the entropy of the eigenvalues of K / U, K the Tanimoto similarities of the U unique objects.

    1 where all are alike, U where no two share a bit (of molecules Morgan, radius 2, 2048 bits). It grows with the
    number of samples n.

    Args:
        most: above so many unique objects it is not measured: its time grows with their cube.
    """

    name: ClassVar[str] = "vendi"
    kinds: ClassVar[type[ObjectKind]] = HasFingerprints
    reference: ClassVar[str] = "Friedman and Dieng, The Vendi score, TMLR 2023, arXiv 2210.02410"
    scales: ClassVar[Scales] = {"vendi/*": COUNT}

    def __init__(self, *, most: Annotated[int, Field(ge=1)] = 3000) -> None:
        self.most = most

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        key, count = f"{self.name}/n={len(samples)}", len(samples.unique)
        if not count:
            return {key: Reading.missing("no valid object")}
        if count > self.most:
            return {key: Reading.missing(f"{count} different {samples.kind.plural}, more than {self.most}")}
        bits = samples.fingerprints
        return {key: Reading(vendi_score(tanimoto(bits, bits)), count=count)}


def vendi_score(similarity: np.ndarray) -> float:
    """exp(-sum_i l_i log l_i), l the eigenvalues of ``similarity`` / U [U, U], which has 1 on its diagonal."""
    values = np.linalg.eigvalsh(np.asarray(similarity, dtype=np.float64) / len(similarity))
    values = values[values > 0]  # rounding leaves some below 0, which are none
    return float(np.exp(-(values * np.log(values)).sum()))
