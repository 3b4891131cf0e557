"""How far samples of torsions are from the density that they should have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.special import logsumexp


def torsion_histograms(
    angles: np.ndarray, periods: np.ndarray, *, bins: int = 36, weights: np.ndarray | None = None
) -> np.ndarray:
    """Shares of the samples in each bin of each torsion, [D, bins].

    Args:
        angles: radians [M, D], in [-period / 2, period / 2).
        periods: radians [D].
        bins: of equal width over one period.
        weights: of the samples, [M]; None: each alike.
    """
    found = [
        np.histogram(angles[:, k], bins=bins, range=(-period / 2, period / 2), weights=weights)[0]
        for k, period in enumerate(periods)
    ]
    table = np.array(found, dtype=np.float64)
    return table / table.sum(1, keepdims=True)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in nats, in [0, log 2], of the rows of p and q [..., bins]."""
    return np.asarray(jensenshannon(p, q, axis=-1)) ** 2  # type: ignore[call-arg]  # scipy has it


def coarser(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """Probabilities of a grid's cells along one angle [points] summed into ``bins``, which must divide the points."""
    return probabilities.reshape(bins, -1).sum(1)


def effective_share(log_weights: np.ndarray) -> float:
    """ESS / N of importance weights, (sum w)^2 / (N sum w^2), in (0, 1] (Kish 1965)."""
    weights = normalised(log_weights)
    return float(1 / (weights**2).sum() / len(log_weights))


def log_mean_weight(log_weights: np.ndarray) -> tuple[float, float]:
    """log of the mean weight, which estimates log Z of weights R / P_T, and its standard error (delta method)."""
    n = len(log_weights)
    share = normalised(log_weights) * n
    error = float(share.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return float(np.asarray(logsumexp(log_weights))) - float(np.log(n)), error


def normalised(log_weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """Weights that sum to 1."""
    array = np.asarray(log_weights, dtype=np.float64)
    return np.exp(array - np.asarray(logsumexp(array)))
