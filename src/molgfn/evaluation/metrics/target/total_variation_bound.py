"""A certificate: how far the sampler can be from its target at most, by what its own trajectories say."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.metrics.elbo import UNCORRECTED
from molgfn.evaluation.readings import CONFIDENCE
from molgfn.evaluation.scales import Scale, Scales
from molgfn.evaluation.tv_bound import from_loss, limits, sides

#: fewer trajectories bound nothing
FEWEST = 20


class TotalVariationBound(Metric):
    """Upper limit of the total variation between P_T and R / Z from on-policy trajectories, without knowing Z.

    TV is at most the larger of E[(1 - w)_+] and E[(w - 1)_+] under P_F, w = R'(x) P_B(tau|x) / (c P_F(tau)), for any
    constant c, which half of the trajectories choose and the others do not see (see ``evaluation.tv_bound``).
    ``tv_bound/overdone`` is the 95 % upper limit of the first, which holds whatever the sampler does: what it draws too
    often. ``tv_bound/missed`` is that of the second, which holds only if no trajectory has a larger weight than the
    largest that was drawn: what nobody drew cannot be ruled out. ``tv_bound`` is the larger of both, at most 1, on that
    condition; ``tv_bound/from_loss`` is the looser bound by the mean of squared residuals, without a limit for the
    error of sampling.
    """

    name: ClassVar[str] = "tv_bound"
    requires: ClassVar[frozenset[str]] = frozenset({"log_weight"})
    reference: ClassVar[str] = "Stable GFlowNets with probabilistic guarantees, arXiv 2605.01729; arXiv 0907.3740"
    scales: ClassVar[Scales] = {"tv_bound*": Scale("minimise", worst=1.0, best=0.0)}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        weight = np.zeros(0) if samples.log_weight is None else samples.log_weight
        if len(weight) < FEWEST:
            return {self.name: Reading.missing(f"{len(weight)} trajectories; it takes {FEWEST}")}
        chosen, judged = weight[::2], weight[1::2]
        log_w = judged - (np.logaddexp.reduce(chosen) - np.log(len(chosen)))
        log_largest = float(max(weight.max() - (weight[1] - log_w[0]), 0.0))
        upper, seen = limits(log_w, log_largest=log_largest, error=1 - CONFIDENCE), sides(log_w)
        given = f"if no trajectory has a weight above the largest that was drawn, {np.exp(log_largest):.3g} c"
        note = given if samples.corrected else f"{given}; {UNCORRECTED}"
        of = Reading(None, count=len(log_w))
        return {
            "tv_bound": replace(of, value=upper.bound, note=note),
            "tv_bound/overdone": replace(of, value=min(upper.overdone, 1.0), note=f"mean {seen.overdone:.3g}"),
            "tv_bound/missed": replace(of, value=min(upper.missed, 1.0), note=f"mean {seen.missed:.3g}; {given}"),
            "tv_bound/from_loss": replace(of, value=from_loss(float((log_w**2).mean()), log_largest), note=given),
        }
