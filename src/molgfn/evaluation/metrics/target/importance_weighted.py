"""The lower bound on log Z that several trajectories give together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import Scale, Scales


class ImportanceWeightedBound(Metric):
    """Mean over groups of K on-policy trajectories of log (1/K sum_k w_k), w = R'(x) P_B(tau|x) / P_F(tau).

    In expectation between the ELBO (K = 1) and log Z', see there, and the nearer to it the larger K: how far it rises
    with K says how much of the gap is spread, and not what P_F misses. Trajectories that fill no group are left out.

    Args:
        k: numbers K of trajectories in a group.
    """

    name: ClassVar[str] = "importance_weighted_bound"
    requires: ClassVar[frozenset[str]] = frozenset({"log_weight"})
    reference: ClassVar[str] = "Burda et al., Importance weighted autoencoders, ICLR 2016, arXiv 1509.00519"
    scales: ClassVar[Scales] = {"importance_weighted_bound*": Scale("maximise", "nats")}

    def __init__(self, *, k: Sequence[Annotated[int, Field(ge=2)]] = (10, 100)) -> None:
        self.k = tuple(k)

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        weight = np.zeros(0) if samples.log_weight is None else samples.log_weight
        out = {}
        for k in self.k:
            key, groups = f"{self.name}/k={k}", len(weight) // k
            if groups < 2:
                out[key] = Reading.missing(f"{len(weight)} trajectories; two groups of {k} take {2 * k}")
                continue
            parts = weight[: groups * k].reshape(groups, k)
            out[key] = Reading.mean(np.logaddexp.reduce(parts, axis=1) - np.log(k))
        return out
