"""Joint mutual information where outcomes are jointly normal: half a log determinant."""

from __future__ import annotations

import numpy as np

from molgfn.errors import DataError
from molgfn.information.base import Gains, Information
from molgfn.information.covariance import Among, Covariance, Explained
from molgfn.information.kernels import first_failure

#: different members whose covariance is computed at once
_MOST = 2048


class GaussianInformation(Information):
    """I(B) = 1/2 log det(I + K_BB / noise) of a covariance K.

    Args:
        covariance: of f at the members.
        noise: variance of the noise of a measurement, more than 0.
        names: of the members.

    Reference: Srinivas et al. 2010, arXiv 0912.3995, section 2.2; Malik et al. 2023, arXiv 2306.15058, section 3.
    """

    def __init__(self, covariance: Covariance, noise: float, names: list[str]) -> None:
        self.covariance, self.noise, self.names = covariance, noise, names

    def of(self, batches: np.ndarray) -> np.ndarray:
        rows = max(1, _MOST // max(1, batches.shape[1]))
        return np.concatenate([np.zeros(0), *(self._of(batches[i : i + rows]) for i in range(0, len(batches), rows))])

    def _of(self, batches: np.ndarray) -> np.ndarray:
        there = batches >= 0
        members, place = np.unique(np.where(there, batches, batches.max(initial=0)), return_inverse=True)
        place = place.reshape(batches.shape)
        among = self.covariance.block(members, members)[place[:, :, None], place[:, None, :]]
        among = np.where(there[:, :, None] & there[:, None, :], among, 0.0) / self.noise
        matrices = among + np.eye(batches.shape[1])
        try:
            factors = np.linalg.cholesky(matrices)
        except np.linalg.LinAlgError:
            raise self._not_positive(batches, matrices) from None
        return np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)

    def _not_positive(self, batches: np.ndarray, matrices: np.ndarray) -> DataError:
        for batch, matrix in zip(batches, matrices, strict=True):
            try:
                np.linalg.cholesky(matrix)
            except np.linalg.LinAlgError:
                name = self.names[int(batch[first_failure(matrix)])]
                return DataError(f"kernel: the covariance of a batch is not positive definite at member `{name}`")
        return DataError("kernel: the covariance of a batch is not positive definite")

    def alone(self) -> np.ndarray:
        return 0.5 * np.log1p(self.covariance.variance / self.noise)

    def gains(self) -> _GaussianGains:
        return _GaussianGains(self.covariance, self.noise)

    def among(self, rows: np.ndarray) -> GaussianInformation:
        return GaussianInformation(Among(self.covariance, rows), self.noise, [self.names[row] for row in rows.tolist()])

    def after(self, rows: np.ndarray, random: np.random.Generator) -> GaussianInformation:
        gains = self.gains()
        for row in np.asarray(rows).tolist():
            gains.take(row)
        return GaussianInformation(gains.rest(), self.noise, self.names)

    def distances(self, row: int) -> np.ndarray:
        variance, everything = self.covariance.variance, np.arange(len(self))
        cross = self.covariance.block(everything, np.array([row]))[:, 0]
        distance = np.sqrt(np.maximum(variance + variance[row] - 2 * cross, 0.0))
        distance[row] = 0.0
        return distance

    def summary(self) -> np.ndarray:
        return self.alone()[:, None]


class _GaussianGains(Gains):
    """Cholesky factorisation one column at a time: O(n k) for the k-th member."""

    def __init__(self, covariance: Covariance, noise: float) -> None:
        self.covariance, self.noise = covariance, noise
        self.variance = covariance.variance.copy()
        self._all = np.arange(len(covariance))
        self._columns = np.zeros((8, len(covariance)))
        self._count = 0

    @property
    def explained(self) -> np.ndarray:
        """What the taken members explain, float64 [taken, n]."""
        return self._columns[: self._count]

    def values(self) -> np.ndarray:
        return 0.5 * np.log1p(self.variance / self.noise)

    def take(self, row: int) -> None:
        if self._count == len(self._columns):
            self._columns = np.concatenate([self._columns, np.zeros_like(self._columns)])
        left = self.covariance.block(self._all, np.array([row]))[:, 0] - self.explained.T @ self.explained[:, row]
        column = left / np.sqrt(self.variance[row] + self.noise)
        self._columns[self._count] = column
        self._count += 1
        self.variance = np.maximum(self.variance - column**2, 0.0)

    def rest(self) -> Explained:
        """The covariance with the taken members measured."""
        return Explained(self.covariance.block, self.covariance.variance, self.explained.copy())
