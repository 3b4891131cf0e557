"""Kernels between members: RBF and Matern on vectors, MinMax on molecules, or a matrix of your own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, PositiveFloat
from scipy.spatial.distance import cdist

from molgfn.chemistry.count_similarity import count_rows, minmax
from molgfn.chemistry.molecules import mols_of
from molgfn.errors import ConfigError, DataError
from molgfn.information.members import Members
from molgfn.paths import InputFile


class Kernel(ABC):
    """A covariance of f at two members, before anything was measured."""

    @abstractmethod
    def rows(self, members: Members) -> Any:
        """What it reads of members [n]: something that ``[rows]`` indexes, as arrays and sparse matrices are.

        Raises:
            ConfigError: it does not read such members.
        """

    @abstractmethod
    def between(self, a: Any, b: Any) -> np.ndarray:
        """k of each of ``a`` [A] with each of ``b`` [B] (of ``rows``), float64 [A, B]."""

    @abstractmethod
    def variances(self, a: Any) -> np.ndarray:
        """k of each of ``a`` [A] with itself, float64 [A]."""


class _OfVectors(Kernel):
    def __init__(self, lengthscale: float, variance: float) -> None:
        self.lengthscale, self.variance = lengthscale, variance

    def rows(self, members: Members) -> np.ndarray:
        return members.features / self.lengthscale

    def variances(self, a: np.ndarray) -> np.ndarray:
        return np.full(len(a), self.variance)


class RBF(_OfVectors):
    """variance exp(-d^2 / 2) with d the distance of features over the length scale.

    Args:
        lengthscale: in units of the features.
        variance: of f.
    """

    def __init__(self, *, lengthscale: PositiveFloat = 1.0, variance: PositiveFloat = 1.0) -> None:
        super().__init__(lengthscale, variance)

    def between(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return self.variance * np.exp(-0.5 * cdist(a, b, "sqeuclidean"))


class Matern(_OfVectors):
    """Matern kernel of half-integer smoothness on d, the distance of features over the length scale.

    Args:
        lengthscale: in units of the features.
        variance: of f.
        smoothness: nu.

    Reference: Rasmussen and Williams 2006, equations 4.14 to 4.17.
    """

    def __init__(
        self,
        *,
        lengthscale: PositiveFloat = 1.0,
        variance: PositiveFloat = 1.0,
        smoothness: Literal["1/2", "3/2", "5/2"] = "5/2",
    ) -> None:
        super().__init__(lengthscale, variance)
        self.smoothness = smoothness

    def between(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        d = np.sqrt(float(self.smoothness[0])) * cdist(a, b)
        polynomial = {"1/2": 1.0, "3/2": 1.0 + d, "5/2": 1.0 + d + d**2 / 3}[self.smoothness]
        return self.variance * polynomial * np.exp(-d)


class MinMax(Kernel):
    """Tanimoto (MinMax) kernel on Morgan counts of molecules, times the variance; nothing is fitted.

    Args:
        radius: of the Morgan environments.
        variance: of f.

    Reference: Ralaivola et al. 2005, Neural Networks 18, 1093; Tripp and Hernández-Lobato 2024, arXiv 2406.07721.
    """

    def __init__(self, *, radius: Annotated[int, Field(ge=0, le=6)] = 3, variance: PositiveFloat = 1.0) -> None:
        self.radius, self.variance = radius, variance

    def rows(self, members: Members) -> Any:
        if members.molecules is None:
            raise ConfigError("kernel: MinMax compares molecules, and the pool has none; take RBF or Matern")
        return count_rows(mols_of(members.molecules), self.radius)

    def between(self, a: Any, b: Any) -> np.ndarray:
        return self.variance * minmax(a, b)

    def variances(self, a: Any) -> np.ndarray:
        return np.full(a.shape[0], self.variance)


class KernelMatrix(Kernel):
    """The kernel as a matrix of your own, in the order of the pool; there can be no labelled set beside it.

    Args:
        path: npy file, float [n, n].
        tolerance: largest difference from its transpose; and least eigenvalue below 0 that counts as 0.

    Raises:
        DataError: no such file, no square matrix, not symmetric, or not positive semi-definite; the member is named.
    """

    def __init__(self, *, path: InputFile, tolerance: PositiveFloat = 1e-8) -> None:
        try:
            matrix = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: {error}") from None
        self.path, self.tolerance = Path(path), tolerance
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise DataError(f"{path}: a kernel is a square matrix, this has the shape {list(matrix.shape)}")
        self.matrix = matrix.astype(np.float64)

    def rows(self, members: Members) -> np.ndarray:
        if len(members) != len(self.matrix):
            raise DataError(
                f"{self.path}: is of {len(self.matrix)} members, and the pool has {len(members)} (a kernel matrix "
                "knows no labelled set beside the pool)"
            )
        require_positive(self.matrix, members.names, self.tolerance, str(self.path))
        return np.arange(len(members))

    def between(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return self.matrix[np.ix_(a, b)]

    def variances(self, a: np.ndarray) -> np.ndarray:
        return self.matrix[a, a]


def require_positive(matrix: np.ndarray, names: list[str], tolerance: float, where: str) -> None:
    """Refuse a kernel matrix [n, n] that is none.

    Raises:
        DataError: a number is not finite, the matrix is not symmetric, or not positive semi-definite; the first member
            that makes it so is named.
    """
    if (bad := ~np.isfinite(matrix).all(1)).any():
        raise DataError(f"{where}: a kernel value of member `{names[int(bad.argmax())]}` is no finite number")
    apart = np.abs(matrix - matrix.T).max(1, initial=0)
    if (apart > tolerance).any():
        raise DataError(f"{where}: the kernel is not symmetric at member `{names[int(apart.argmax())]}`")
    if np.linalg.eigvalsh(matrix)[0] < -tolerance:
        raise DataError(
            f"{where}: the kernel is not positive definite: it fails at member "
            f"`{names[first_failure(matrix + tolerance * np.eye(len(matrix)))]}`"
        )


def first_failure(matrix: np.ndarray) -> int:
    """The row at which a Cholesky factorisation of a symmetric matrix [n, n] fails; the last one if it does not."""
    low, high = 0, len(matrix) - 1
    while low < high:  # leading minors up to the failing row are positive, those beyond are not
        middle = (low + high) // 2
        try:
            np.linalg.cholesky(matrix[: middle + 1, : middle + 1])
        except np.linalg.LinAlgError:
            high = middle
        else:
            low = middle + 1
    return low
