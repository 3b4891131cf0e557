"""Weights by rank: the best more often, whatever the scale of their values."""

from __future__ import annotations

import numpy as np


def rank_weights(worth: np.ndarray, k: float) -> np.ndarray:
    """Probabilities in proportion to 1 / (k N + rank), rank 0 the best, of N values, float64 [N]; they sum to 1.

    Equal values keep their order. A small k takes the best almost alone, a large one all alike.

    Args:
        worth: N finite numbers, more is better.
        k: more than 0.

    Reference: Tripp et al. 2020, arXiv 2006.09191; with k = .01 in Kim et al. 2024, arXiv 2402.05961.
    """
    rank = np.empty(len(worth))
    rank[np.argsort(-worth, kind="stable")] = np.arange(len(worth))
    weights = 1.0 / (k * len(worth) + rank)
    return weights / weights.sum()
