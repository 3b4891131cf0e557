"""Maps from a property to a desirability in [0, 1], and their mean, by the conventions of GuacaMol.

Each takes and gives float64 [B].

Reference:
    Brown et al., "GuacaMol: benchmarking models for de novo molecular design", J. Chem. Inf. Model. 59, 1096 (2019),
    doi:10.1021/acs.jcim.8b00839.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def near(x: np.ndarray, mu: float, sigma: float) -> np.ndarray:
    """exp(-((x - mu) / sigma)^2 / 2): 1 at ``mu``, falling on both sides."""
    return np.exp(-0.5 * ((x - mu) / sigma) ** 2)


def at_most(x: np.ndarray, mu: float, sigma: float) -> np.ndarray:
    """1 up to ``mu``, from there on ``near`` (GuacaMol's MinGaussianModifier)."""
    return near(np.maximum(x, mu), mu, sigma)


def at_least(x: np.ndarray, mu: float, sigma: float) -> np.ndarray:
    """1 from ``mu`` on, below it ``near`` (GuacaMol's MaxGaussianModifier)."""
    return near(np.minimum(x, mu), mu, sigma)


def clipped(x: np.ndarray, upper: float) -> np.ndarray:
    """x / ``upper``, clipped to [0, 1]."""
    return np.clip(x / upper, 0.0, 1.0)


def geometric_mean(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Of float64 [B] each, unweighted; 0 where any part is 0."""
    return np.prod(parts, axis=0) ** (1.0 / len(parts))
