"""Distributions of scores instead of one number (Agarwal et al. 2021, arXiv 2108.13264, section 4)."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from molgfn.evaluation.readings import Reading
from molgfn.study.statistics.aggregates import RESAMPLES, TaskScores, bootstrapped, percentiles, resampled


def performance_profile(scores: Sequence[np.ndarray], levels: np.ndarray) -> np.ndarray:
    """Share of runs whose score is above each level, a mean over tasks.

    Args:
        scores: [..., runs] for each task.
        levels: [L].

    Returns:
        [..., L], from 1 below all scores to 0 above them.
    """
    return np.mean([(task[..., None] > levels).mean(-2) for task in scores], axis=0)


def profile_band(
    scores: TaskScores, levels: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the pointwise 95 % interval of a profile [L] each, by the stratified bootstrap."""
    found = performance_profile(resampled(scores, resamples, np.random.default_rng(seed)), levels)
    low, high = percentiles(found)
    return low, high


def probability_of_improvement(
    scores: TaskScores, baseline: TaskScores, *, resamples: int = RESAMPLES, seed: int = 0
) -> Reading:
    """P(a run of a row is better than one of the baseline on a task drawn at random); ties count one half.

    The Mann-Whitney U over the number of pairs, a mean over tasks. Seeds are not paired here.

    Args:
        scores: [runs] for each task.
        baseline: the same tasks in the same order.
        resamples: draws of all runs of both.
        seed: of the draws.
    """
    value = float(_improvement(scores, baseline))
    count = sum(len(task) for task in scores)
    if min(len(task) for task in (*scores, *baseline)) < 2:
        return Reading(value, count=count, note="a task with one run, so no interval")
    rng = np.random.default_rng(seed)
    found = _improvement(resampled(scores, resamples, rng), resampled(baseline, resamples, rng))
    return bootstrapped(value, found, count)


def _improvement(scores: Sequence[np.ndarray], baseline: Sequence[np.ndarray]) -> np.ndarray:
    wins = [
        np.sign(x[..., :, None] - y[..., None, :]).mean((-2, -1)) / 2 + 0.5
        for x, y in zip(scores, baseline, strict=True)
    ]
    return functools.reduce(np.add, wins) / len(wins)
