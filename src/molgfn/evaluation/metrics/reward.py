"""What the samples are worth on average."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import PROPERTY, Scale, Scales


class MeanReward(Metric):
    """Mean over all samples of R(x), of log R(x) and of the property that R is made of, with t intervals.

    Samples without a value count with the floor in R and log R, and are left out of the mean of the property. The
    10, 50 and 90 % quantiles of the property come without interval.
    """

    name: ClassVar[str] = "mean"
    scales: ClassVar[Scales] = {
        "mean/reward": Scale("maximise", worst=0.0),
        "mean/log_reward": Scale("maximise", "nats"),
        "mean/value": PROPERTY,
        "quantile/value/*": PROPERTY,
    }
    requires: ClassVar[frozenset[str]] = frozenset({"log_reward", "value"})

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        log_reward = samples.log_reward
        value = samples.value
        if log_reward is None or value is None:
            return {self.name: Reading.missing("nothing was scored")}
        out = {
            "mean/reward": Reading.mean(np.exp(log_reward)),
            "mean/log_reward": Reading.mean(log_reward),
            "mean/value": Reading.mean(value),
        }
        known = value[~np.isnan(value)]
        for percent in (10, 50, 90):
            key = f"quantile/value/{percent}%"
            if len(known):
                out[key] = Reading(float(np.percentile(known, percent)), count=len(known))
        return out
