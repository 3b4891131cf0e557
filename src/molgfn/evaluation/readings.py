"""One measured number with its uncertainty, or the reason why there is none."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

#: two-sided confidence of every interval
CONFIDENCE = 0.95
#: half of such an interval in standard errors, where these are of many numbers
HALF = float(stats.norm.ppf((1 + CONFIDENCE) / 2))


@dataclass(frozen=True)
class Reading:
    """A number as it goes into tables.

    Attributes:
        value: the number; None where it could not be measured.
        low: lower end of the 95 % interval; None where no interval is claimed.
        high: upper end.
        error: standard error.
        count: how many objects (or trajectories) it was measured on.
        note: why there is no number, or what to know about it.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    error: float | None = None
    count: int | None = None
    note: str = ""

    @classmethod
    def missing(cls, reason: str) -> Reading:
        return cls(None, note=reason)

    @classmethod
    def proportion(cls, hits: int, count: int) -> Reading:
        """``hits / count`` with the Wilson score interval."""
        if not count:
            return cls.missing("no objects to count among")
        interval = stats.binomtest(hits, count).proportion_ci(CONFIDENCE, method="wilson")
        share = hits / count
        return cls(share, interval.low, interval.high, math.sqrt(share * (1 - share) / count), count)

    @classmethod
    def mean(cls, values: np.ndarray) -> Reading:
        """Mean of independent ``values`` [N] (NaN left out) with the t interval; no interval for one value."""
        values = values[~np.isnan(values)]
        if not len(values):
            return cls.missing("no object has a value")
        mean = float(values.mean())
        if len(values) == 1:
            return cls(mean, count=1, note="one value only, so no interval")
        error = float(values.std(ddof=1) / math.sqrt(len(values)))
        half = error * float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
        return cls(mean, mean - half, mean + half, error, len(values))

    @classmethod
    def bootstrap(
        cls, statistic: Callable[..., float], *columns: np.ndarray, resamples: int = 999, seed: int = 0
    ) -> Reading:
        """``statistic(*columns)`` with the percentile bootstrap over rows [N], resampled with a fixed ``seed``.

        Resamples of which the statistic is NaN, such as the correlation with a column that became constant, are left
        out, and how many is noted.
        """
        value = float(statistic(*columns))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # scipy's interval where a resample is NaN
            result = stats.bootstrap(
                columns,
                statistic,
                paired=True,
                vectorized=False,
                n_resamples=resamples,
                confidence_level=CONFIDENCE,
                method="percentile",
                rng=np.random.default_rng(seed),
            )
        drawn = np.asarray(result.bootstrap_distribution)
        known = drawn[~np.isnan(drawn)]
        note = "" if len(known) == resamples else f"interval of {len(known)} of {resamples} resamples"
        if len(known) < 2:
            return cls(value, count=len(columns[0]), note=note)
        low, high = (float(np.percentile(known, 50 * (1 + side * CONFIDENCE))) for side in (-1, 1))
        return cls(value, low, high, float(known.std(ddof=1)), len(columns[0]), note)

    def plain(self) -> dict[str, Any]:
        """For JSON: only what is set, infinite and NaN numbers as text."""
        out = {k: v for k, v in asdict(self).items() if v is not None and v != ""}
        return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in out.items()}
