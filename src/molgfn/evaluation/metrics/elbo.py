"""The evidence lower bound, and how far the sampler is from it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import NATS, SHARE, Scale, Scales

#: what there is to know about bounds on log Z where the symmetry term is not whole
UNCORRECTED = (
    "no bound on log Z, the log sum of R over objects, but on what is trained on, which counts an object once for each "
    "of its trees or symmetric ways (environment.symmetry is not molecule)"
)


class ELBO(Metric):
    """Mean over on-policy trajectories of log R'(x) + log P_B(tau|x) - log P_F(tau): in expectation at most log Z'.

    R' is the reward with the symmetry term taken off, Z' what the flows are trained to sum to, and log Z' - ELBO is
    KL(P_F || P_B), the distance over trajectories, 0 when exact. Z' is Z, the sum of R over all objects, where that
    term is whole (symmetry=molecule); with symmetry=tree or none it is larger by what each object is counted too often,
    and the ELBO bounds nothing else. ``log_z/importance`` is log mean exp of the same terms: it converges to log Z'
    from below as samples are added, and is poor while a few trajectories carry the sum: ``log_z/effective_share`` is
    the effective sample size divided by n.
    """

    name: ClassVar[str] = "elbo"
    requires: ClassVar[frozenset[str]] = frozenset({"log_weight"})
    reference: ClassVar[str] = "Malkin et al., GFlowNets and variational inference, ICLR 2023, arXiv 2210.00580"
    scales: ClassVar[Scales] = {
        "elbo": Scale("maximise", "nats"),
        "log_z/importance": NATS,
        "log_z/effective_share": SHARE,
    }

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        weight = samples.log_weight
        if weight is None or not len(weight):
            return {self.name: Reading.missing("no on-policy trajectory")}
        total = float(np.logaddexp.reduce(weight))
        effective = float(np.exp(2 * total - np.logaddexp.reduce(2 * weight)))
        note = "" if samples.corrected else UNCORRECTED
        elbo = Reading.mean(weight)
        return {
            "elbo": replace(elbo, note="; ".join(filter(None, [elbo.note, note]))),
            "log_z/importance": Reading(total - float(np.log(len(weight))), count=len(weight), note=note),
            "log_z/effective_share": Reading(effective / len(weight), count=len(weight)),
        }
