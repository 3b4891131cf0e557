"""What makes a candidate worth a call, from the mean and the standard deviation of what a model expects."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm


def upper_confidence(mean: np.ndarray, deviation: np.ndarray, beta: float) -> np.ndarray:
    """mean + beta deviation, [n].

    Reference: Srinivas et al. 2010, arXiv 0912.3995, where the factor is the root of beta.
    """
    return mean + beta * deviation


def expected_improvement(mean: np.ndarray, deviation: np.ndarray, best: float) -> np.ndarray:
    """E[max(f - best, 0)] of f ~ N(mean, deviation^2), [n]; at deviation 0 max(mean - best, 0).

    Reference: Jones et al. 1998, doi:10.1023/A:1008306431147, equation 15.
    """
    gain = mean - best
    z = np.divide(gain, deviation, out=np.zeros_like(gain), where=deviation > 0)
    return np.where(deviation > 0, gain * norm.cdf(z) + deviation * norm.pdf(z), np.maximum(gain, 0.0))
