"""Upper bounds on total variation from trajectories alone, without the normalising constant.

Let P be P_F over trajectories tau, Q(tau) = R'(x) P_B(tau|x) what it should be proportional to, of total mass Z, and
c > 0 any constant. With w = Q / (c P),

    TV(P, Q / Z) <= max(E_P[(1 - w)_+], E_P[(w - 1)_+]).                                                   (1)

If Z <= c, then Q / Z >= Q / c, so TV = sum (P - Q/Z)_+ <= sum (P - Q/c)_+, the first mean. If Z > c, then
Q / Z < Q / c, so TV = sum (Q/Z - P)_+ <= sum (Q/c - P)_+, the second (P has to be above 0 wherever Q is, as
softmax policies are).
Total variation over objects is at most that over trajectories, which are mapped to them. Z is not needed; (1) is tight
for c = Z, where both means are TV.

With c = Z of trajectory balance, log w = -delta is its residual. As 1 - exp(-d) <= d for d >= 0 and, by convexity,
exp(r) - 1 <= r (M - 1) / log M for 0 <= r <= log M, the loss E_P[delta^2] bounds (1) wherever w <= M:

    TV <= (M - 1) / log M * sqrt(E_P[delta^2]),   M > 1.                                                      (2)

From samples: (1 - w)_+ lies in [0, 1], whatever the policy does, so its mean has an upper confidence limit without any
assumption. (w - 1)_+ lies in [0, M - 1] only if no trajectory has a weight above M. What P_F never draws is in no
sample, so no number of on-policy samples can rule it out: the second limit, and with it the bound, is given M.

Reference: arXiv 2605.01729 (loss-to-TV bounds of trajectory balance); the form (1) is derived here. Confidence limits:
Maurer and Pontil, "Empirical Bernstein bounds", arXiv 0907.3740, theorem 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sides:
    """The two means of (1), or upper limits of them, each at least 0.

    Attributes:
        overdone: of (1 - w)_+, what P_F draws too often.
        missed: of (w - 1)_+, what it draws too seldom.
    """

    overdone: float
    missed: float

    @property
    def bound(self) -> float:
        """The larger one, at most 1, which total variation never exceeds."""
        return min(1.0, max(self.overdone, self.missed))


def sides(log_w: np.ndarray, probabilities: np.ndarray | None = None) -> Sides:
    """Both means of (1).

    Args:
        log_w: [n], log w of trajectories.
        probabilities: [n], P_F of each where these are all there are; None: they are samples, all alike.
    """
    w = np.exp(log_w)
    weights = np.full(len(w), 1 / len(w)) if probabilities is None else probabilities
    return Sides(float(weights @ np.maximum(1 - w, 0)), float(weights @ np.maximum(w - 1, 0)))


def limits(log_w: np.ndarray, *, log_largest: float, error: float = 0.05) -> Sides:
    """Upper limits of both means that hold together with probability 1 - ``error``, if w <= M.

    Args:
        log_w: [n], n >= 2, of independent trajectories of P_F; ``c`` must not have been chosen by them.
        log_largest: log M, at least that of every w.
        error: probability that one of both does not hold, in (0, 1).
    """
    w = np.exp(log_w)
    return Sides(
        _upper_limit(np.maximum(1 - w, 0), 1.0, error / 2),
        _upper_limit(np.maximum(w - 1, 0), max(math.exp(log_largest) - 1, 0.0), error / 2),
    )


def from_loss(mean_square: float, log_largest: float) -> float:
    """The bound (2), at most 1.

    Args:
        mean_square: E_P[delta^2], the loss of trajectory balance on-policy.
        log_largest: log M, where w = exp(-delta) <= M.
    """
    slope = math.expm1(log_largest) / log_largest if log_largest > 0 else 1.0
    return min(1.0, max(slope, 1.0) * math.sqrt(mean_square))


def _upper_limit(values: np.ndarray, width: float, error: float) -> float:
    """Of the mean of values [n] in an interval of ``width``, by the empirical Bernstein inequality."""
    n, log_term = len(values), math.log(2 / error)
    spread = math.sqrt(2 * float(values.var(ddof=1)) * log_term / n)
    return float(values.mean()) + spread + 7 * width * log_term / (3 * (n - 1))
