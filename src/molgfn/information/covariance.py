"""Covariances of a model's values at the members of a pool: of a Gaussian process, of an ensemble, after measuring."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from scipy.linalg import solve_triangular

from molgfn.errors import ConfigError, DataError
from molgfn.information.kernels import Kernel, first_failure
from molgfn.information.members import Members


class Covariance(ABC):
    """Cov(f_i, f_j) of n members; no [n, n] matrix is kept.

    Attributes:
        variance: of each, float64 [n], not below 0.
    """

    variance: np.ndarray

    def __len__(self) -> int:
        return len(self.variance)

    @abstractmethod
    def block(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Cov of the members ``rows`` [a] with ``columns`` [b], float64 [a, b]."""


class Explained(Covariance):
    """A prior covariance less E^T E, as in the posterior of a Gaussian process.

    Args:
        prior: rows [a], columns [b] -> float64 [a, b].
        variance: of the prior, float64 [n].
        explained: E, float64 [m, n].
    """

    def __init__(
        self, prior: Callable[[np.ndarray, np.ndarray], np.ndarray], variance: np.ndarray, explained: np.ndarray
    ) -> None:
        self.prior, self.explained = prior, explained
        self.variance = np.maximum(variance - np.einsum("ij,ij->j", explained, explained), 0.0)

    def block(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return self.prior(rows, columns) - self.explained[:, rows].T @ self.explained[:, columns]


class Among(Covariance):
    """That of some of the members, in the order of ``rows`` [m]."""

    def __init__(self, whole: Covariance, rows: np.ndarray) -> None:
        self.whole, self.rows = whole, rows
        self.variance = whole.variance[rows]

    def block(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return self.whole.block(self.rows[rows], self.rows[columns])


def gaussian_process(kernel: Kernel, pool: Members, labelled: Members | None, noise: float) -> Explained:
    """The posterior covariance of a Gaussian process that knows ``labelled``; their values do not matter to it.

    Args:
        kernel: of the prior.
        pool: n members.
        labelled: what was measured; None or none of them: the prior.
        noise: variance of the noise of measurements.

    Raises:
        ConfigError: pool and labelled set have other features.
        DataError: the kernel is not positive definite; the member is named.
    """
    rows = kernel.rows(pool)

    def prior(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return kernel.between(rows[a], rows[b])

    explained = np.zeros((0, len(pool)))
    if labelled is not None and len(labelled):
        if labelled.features.shape[1] != pool.features.shape[1]:
            raise ConfigError(
                f"labelled: its members have {labelled.features.shape[1]} features, those of the pool "
                f"{pool.features.shape[1]}"
            )
        known = kernel.rows(labelled)
        among = kernel.between(known, known) + noise * np.eye(len(labelled))
        try:
            factor = np.linalg.cholesky(among)
        except np.linalg.LinAlgError:
            name = labelled.names[first_failure(among)]
            raise DataError(f"kernel: not positive definite at the labelled member `{name}`") from None
        explained = solve_triangular(factor, kernel.between(known, rows), lower=True)
    return Explained(prior, kernel.variances(rows), explained)


class OfPredictions(Covariance):
    """The covariance of the predictions of S posterior members (networks of an ensemble, masks), ddof 1.

    Args:
        predictions: float [S, n], S >= 2.
        scale: what deviations are multiplied by, such as the calibration of an ensemble.
    """

    def __init__(self, predictions: np.ndarray, scale: float = 1.0) -> None:
        count = len(predictions)
        if count < 2:
            raise ConfigError(f"predictions: of {count} posterior members; it takes at least 2")
        centred = predictions.astype(np.float64) - predictions.mean(0, dtype=np.float64)
        self._columns = centred * (scale / np.sqrt(count - 1))
        self.variance = (self._columns**2).sum(0)

    def block(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return self._columns[:, rows].T @ self._columns[:, columns]
