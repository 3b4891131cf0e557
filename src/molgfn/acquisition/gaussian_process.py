"""An exact Gaussian process whose Cholesky factor grows by blocks, for kernels that are given as numbers."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular


class GaussianProcess:
    """Posterior of f ~ GP(0, k) at noisy values y = f + e, e ~ N(0, noise).

    Only the lower factor L of K + noise I is kept; m new points cost O(n^2 m), and the n old ones are not touched. What
    comes out is that of one factorisation of the whole, but for rounding.

    Args:
        noise: variance of the noise, more than 0.
        capacity: points for which there is room at first; it doubles when they are more.
    """

    def __init__(self, *, noise: float, capacity: int = 256) -> None:
        self.noise = noise
        self._factor = np.zeros((capacity, capacity))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def factor(self) -> np.ndarray:
        """L, float64 [n, n], lower."""
        return self._factor[: self._count, : self._count]

    def add(self, across: np.ndarray, among: np.ndarray) -> None:
        """Take up m points.

        Args:
            across: k of the n known points with the new ones, float64 [n, m].
            among: k of the new ones with each other, float64 [m, m].
        """
        n, m = across.shape
        self._reserve(n + m)
        below = solve_triangular(self.factor, across, lower=True, check_finite=False).T if n else np.zeros((m, 0))
        rest = among + self.noise * np.eye(m) - below @ below.T
        self._factor[n : n + m, :n] = below
        self._factor[n : n + m, n : n + m] = np.linalg.cholesky(rest)
        self._count = n + m

    def _reserve(self, wanted: int) -> None:
        if wanted <= len(self._factor):
            return
        larger = np.zeros((max(wanted, 2 * len(self._factor)),) * 2)
        larger[: self._count, : self._count] = self.factor
        self._factor = larger

    def posterior(self, values: np.ndarray, across: np.ndarray, prior: np.ndarray) -> Posterior:
        """What is known of f at c further points.

        Args:
            values: y of the n points, float64 [n].
            across: k of the n points with the further ones, float64 [n, c].
            prior: k of each further point with itself, float64 [c].
        """
        half = solve_triangular(self.factor, np.column_stack([across, values]), lower=True, check_finite=False)
        explained, scaled = half[:, :-1], half[:, -1]
        variance = np.maximum(prior - np.einsum("ij,ij->j", explained, explained), 0.0)
        return Posterior(explained.T @ scaled, variance, explained, self.noise)


class Posterior:
    """f at c points, jointly normal; ``observe`` takes up that one of them will be measured, whatever comes out.

    Attributes:
        mean: float64 [c].
        variance: of f, not of y, float64 [c].
        explained: L^-1 k, whose columns' products are what the known values take from the prior covariance [n, c].
    """

    def __init__(self, mean: np.ndarray, variance: np.ndarray, explained: np.ndarray, noise: float) -> None:
        self.mean, self.variance = mean, variance
        self.explained, self._noise = explained, noise
        self._seen: list[np.ndarray] = []

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of f, float64 [c]."""
        return np.sqrt(self.variance)

    def observe(self, row: int, kernel: np.ndarray) -> None:
        """The variances once y at ``row`` is known; they do not depend on its value, and the means stay.

        Args:
            row: which of the c points.
            kernel: k of that point with all c, float64 [c].

        Reference: Desautels et al. 2014, JMLR 15, 4053 (GP-BUCB: hallucinated observations).
        """
        covariance = kernel - self.explained.T @ self.explained[:, row]
        for column in self._seen:
            covariance -= column[row] * column
        column = covariance / np.sqrt(self.variance[row] + self._noise)
        self._seen.append(column)
        self.variance = np.maximum(self.variance - column**2, 0.0)
