"""How well scores say which of two molecules is preferred."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

#: largest effect of a heavy atom in the baseline, in log-odds
_STEEPEST = 5.0


@dataclass(frozen=True)
class PairMetrics:
    """Of the judgements of one part; NaN where it is not defined (ties alone).

    Attributes:
        n: judgements.
        ties: how many of them prefer neither.
        accuracy: share of the others in which the preferred molecule has the larger score, by weight; .5 of equal ones.
        log_likelihood: mean over judgements of the log probability that Bradley and Terry's model gives them, in nats,
            by weight (of a tie half of that of either). A coin has -.693.
        size_accuracy: accuracy of the number of heavy atoms alone, times a number that was fitted to the training part.
        size_log_likelihood: log likelihood of the same.
    """

    n: int
    ties: int
    accuracy: float
    log_likelihood: float
    size_accuracy: float
    size_log_likelihood: float


def measure_pairs(margin: np.ndarray, size: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> PairMetrics:
    """Metrics of N judgements, all [N].

    Args:
        margin: score of the chosen molecule minus that of the rejected one.
        size: the same of the baseline.
        labels: probability that the chosen one is preferred.
        weights: > 0.
    """
    return PairMetrics(
        n=len(labels),
        ties=int((labels == 0.5).sum()),
        accuracy=accuracy(margin, labels, weights),
        log_likelihood=log_likelihood(margin, labels, weights),
        size_accuracy=accuracy(size, labels, weights),
        size_log_likelihood=log_likelihood(size, labels, weights),
    )


def accuracy(margin: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """As of ``PairMetrics``."""
    told = labels != 0.5
    if not told.any():
        return float("nan")
    right = (1 + np.sign(margin) * np.sign(labels - 0.5)) / 2
    return float(np.average(right[told], weights=weights[told]))


def log_likelihood(margin: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean of ``y log sigmoid(d) + (1 - y) log sigmoid(-d)``, d the margin."""
    each = -labels * np.logaddexp(0, -margin) - (1 - labels) * np.logaddexp(0, margin)
    return float(np.average(each, weights=weights))


def slope(difference: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """The number b within 5 of 0 for which ``b difference`` has the largest likelihood."""
    found = minimize_scalar(
        lambda b: -log_likelihood(b * difference, labels, weights), bounds=(-_STEEPEST, _STEEPEST), method="bounded"
    )
    return float(found.x)
