"""One number for a row over all runs of all tasks, with intervals over seeds (Agarwal et al., arXiv 2108.13264)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import stats

from molgfn.evaluation.readings import CONFIDENCE, Reading

#: scores of one row: an array of its runs for each task
TaskScores = Sequence[np.ndarray]
#: arrays [..., runs] for each task in, numbers [...] out
Statistic = Callable[[Sequence[np.ndarray]], np.ndarray]
#: resamples of every bootstrap here
RESAMPLES = 2000


def interquartile_mean(scores: Sequence[np.ndarray]) -> np.ndarray:
    """IQM: mean of the middle half of all runs of all tasks together."""
    return stats.trim_mean(np.concatenate(scores, axis=-1), 0.25, axis=-1)


def median(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Median over tasks of the mean over runs."""
    return np.median(_means(scores), axis=-1)


def mean(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over tasks of the mean over runs."""
    return _means(scores).mean(-1)


def optimality_gap(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over tasks of how far runs stay below 1, the best; what lies above does not make up for it."""
    return 1.0 - _means([np.minimum(task, 1.0) for task in scores]).mean(-1)


AGGREGATES: Mapping[str, Statistic] = {
    "IQM": interquartile_mean,
    "median": median,
    "mean": mean,
    "optimality gap": optimality_gap,
}


def estimate(scores: TaskScores, statistic: Statistic, *, resamples: int = RESAMPLES, seed: int = 0) -> Reading:
    """A statistic with its 95 % percentile interval by the stratified bootstrap: runs are drawn anew within each task.

    Args:
        scores: [runs] for each task; tasks may have different numbers of runs, at least one.
        statistic: of ``AGGREGATES``, or one like them.
        resamples: draws of all runs.
        seed: of the draws.

    Returns:
        The reading; no interval where a task has one run.
    """
    value = float(statistic(scores))
    count = sum(len(task) for task in scores)
    if min(len(task) for task in scores) < 2:
        return Reading(value, count=count, note="a task with one run, so no interval")
    return bootstrapped(value, statistic(resampled(scores, resamples, np.random.default_rng(seed))), count)


def bootstrapped(value: float, found: np.ndarray, count: int) -> Reading:
    """A statistic of ``count`` runs that is ``found`` [resamples] when these are drawn anew."""
    low, high = percentiles(found)
    return Reading(value, float(low), float(high), float(found.std(ddof=1)), count)


def percentiles(found: np.ndarray) -> np.ndarray:
    """Ends of the 95 % percentile interval, [2, ...], of what was ``found`` [resamples, ...]."""
    return np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)


def resampled(scores: TaskScores, resamples: int, rng: np.random.Generator) -> list[np.ndarray]:
    """[resamples, runs] for each task: its runs drawn with replacement, each task by itself."""
    return [task[rng.integers(len(task), size=(resamples, len(task)))] for task in scores]


def _means(scores: Sequence[np.ndarray]) -> np.ndarray:
    """[..., tasks]"""
    return np.stack([task.mean(-1) for task in scores], -1)
