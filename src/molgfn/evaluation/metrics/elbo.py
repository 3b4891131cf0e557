"""A lower bound on log Z, and how far the sampler is from it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples


class ELBO(Metric):
    """Mean over on-policy trajectories of log R'(x) + log P_B(tau|x) - log P_F(tau): at most log Z, equal when exact.

    R' is the reward with the symmetry term taken off. log Z - ELBO is KL(P_F || P_B), the distance over trajectories.
    ``log_z/importance`` is log mean exp of the same terms: it converges to log Z from below as samples are added, and
    is poor while a few trajectories carry the sum: ``log_z/effective_share`` is the effective sample size divided by n.
    """

    name: ClassVar[str] = "elbo"
    requires: ClassVar[frozenset[str]] = frozenset({"log_weight"})
    reference: ClassVar[str] = "Malkin et al., GFlowNets and variational inference, ICLR 2023, arXiv 2210.00580"

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        weight = samples.log_weight
        if weight is None or not len(weight):
            return {self.name: Reading.missing("no on-policy trajectory")}
        total = float(np.logaddexp.reduce(weight))
        effective = float(np.exp(2 * total - np.logaddexp.reduce(2 * weight)))
        return {
            "elbo": Reading.mean(weight),
            "log_z/importance": Reading(total - float(np.log(len(weight))), count=len(weight)),
            "log_z/effective_share": Reading(effective / len(weight), count=len(weight)),
        }
