"""Differences between rows run by run, where both had the same task and the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from molgfn.evaluation.readings import Reading
from molgfn.study.statistics.aggregates import RESAMPLES, estimate, mean


def paired_difference(differences: Sequence[np.ndarray], *, resamples: int = RESAMPLES, seed: int = 0) -> Reading:
    """Mean over tasks of the mean difference, with the stratified bootstrap over pairs.

    Args:
        differences: [pairs] for each task, row minus baseline.
        resamples: draws of all pairs.
        seed: of the draws.
    """
    return estimate(differences, mean, resamples=resamples, seed=seed)


def signed_rank(differences: np.ndarray) -> float:
    """p of Wilcoxon's signed-rank test, two-sided, that differences [n] are symmetric about 0.

    Pairs without a difference are left out; 1 where none is left. With n pairs p is at least 2^(1 - n), so 5 pairs
    cannot come below .0625.
    """
    some = differences[differences != 0]
    if not len(some):
        return 1.0
    return float(stats.wilcoxon(some).pvalue)  # type: ignore[attr-defined]


def holm(p: Sequence[float]) -> list[float]:
    """p values adjusted for that there are several, by Holm's step-down method (1979): the chance that any of the
    differences called significant is none stays below the level.
    """
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(np.asarray(p)[order] * (len(p) - np.arange(len(p)))), 1.0)
    return adjusted.tolist()
