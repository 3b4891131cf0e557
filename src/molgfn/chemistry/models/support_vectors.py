"""A support vector classifier of two classes with probabilities, as plain arrays."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from molgfn.errors import DataError

#: rows whose kernel is held at once
CHUNK = 256
#: libsvm's constants: limit of pairwise probabilities, steps and tolerance of their coupling
LEAST_PROBABILITY, STEPS, TOLERANCE = 1e-7, 100, 0.005 / 2


class SupportVectorClassifier:
    """Probability of the second class, with a Gaussian kernel of counts, as libsvm computes it.

    libsvm fits a sigmoid to the decision values and passes its result through an iteration made for many classes,
    which it ends early; for two classes the result differs from the sigmoid by up to 0.003.

    Args:
        vectors: support vectors, counts [S, F].
        coefficients: dual coefficients [S]; a positive decision value means the first class.
        intercept: of the decision value.
        slope: of the sigmoid, ``probA`` of libsvm.
        shift: of the sigmoid, ``probB``.
        gamma: of the kernel exp(-gamma |x - s|^2).
        where: file that the arrays are from, for messages.

    Raises:
        DataError: the shapes do not fit, or numbers are not finite or gamma not positive.

    Reference:
        Chang and Lin, "LIBSVM: a library for support vector machines", ACM TIST 2, 27 (2011), section 8;
        Wu, Lin and Weng, "Probability estimates for multi-class classification by pairwise coupling", JMLR 5 (2004),
        algorithm 2.
    """

    def __init__(
        self,
        *,
        vectors: np.ndarray,
        coefficients: np.ndarray,
        intercept: float,
        slope: float,
        shift: float,
        gamma: float,
        where: str = "classifier",
    ) -> None:
        if vectors.ndim != 2 or coefficients.shape != (len(vectors),):
            raise DataError(
                f"{where}: there should be one coefficient for each support vector, there are "
                f"{list(coefficients.shape)} for {list(vectors.shape)}"
            )
        if not (np.isfinite([intercept, slope, shift]).all() and np.isfinite(coefficients).all() and gamma > 0):
            raise DataError(f"{where}: coefficients, intercept, slope and shift should be finite, gamma positive")
        self.features = vectors.shape[1]
        # counts are whole numbers, so float32 products are exact, in any order
        self._vectors = np.ascontiguousarray(vectors.T, dtype=np.float32)
        self._squares = (vectors.astype(np.float64) ** 2).sum(1)
        self._coefficients = coefficients.astype(np.float64)
        self.intercept, self.slope, self.shift, self.gamma = intercept, slope, shift, gamma

    def decision(self, counts: np.ndarray | csr_array) -> np.ndarray:
        """Decision value of each row of counts [B, F], float64 [B]; positive for the first class."""
        shape = tuple(counts.shape or ())
        if len(shape) != 2 or shape[1] != self.features:
            raise ValueError(f"counts should be [B, {self.features}], are {list(shape)}")
        x = csr_array(counts, dtype=np.float32)  # a molecule has about 50 of 2048 features
        values = np.empty(shape[0])
        for start in range(0, len(values), CHUNK):
            part = x[start : start + CHUNK]
            squares = (part * part).sum(axis=1, dtype=np.float64)
            kernel = (part @ self._vectors).astype(np.float64)
            kernel *= -2
            kernel += squares[:, None]
            kernel += self._squares
            kernel *= -self.gamma
            np.exp(kernel, out=kernel)
            # not a matrix product: its last digits would depend on the number of rows
            values[start : start + CHUNK] = (kernel * self._coefficients).sum(1) + self.intercept
        return values

    def probability(self, counts: np.ndarray | csr_array) -> np.ndarray:
        """Probability of the second class for each row of counts [B, F], float64 [B] in [0, 1]."""
        return coupled(sigmoid(self.decision(counts), self.slope, self.shift))


def sigmoid(decision: np.ndarray, slope: float, shift: float) -> np.ndarray:
    """Platt's probability of the first class, 1 / (1 + exp(slope * decision + shift)), kept from 0 and 1."""
    z = slope * decision + shift
    small = np.exp(-np.abs(z))
    return np.clip(np.where(z >= 0, small, 1) / (1 + small), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)


def coupled(first: np.ndarray) -> np.ndarray:
    """Probability of the second class after libsvm's coupling of the pairwise probabilities ``first`` [B]."""
    second = 1 - first
    # Q of the paper for two classes, per row
    q = np.array([[second * second, -second * first], [-second * first, first * first]])
    p = np.full((2, len(first)), 0.5)
    going = np.ones(len(first), dtype=bool)
    for _ in range(STEPS):
        qp = (q * p).sum(1)
        pqp = (p * qp).sum(0)
        going &= np.abs(qp - pqp).max(0) >= TOLERANCE
        if not going.any():
            break
        new = p
        for t in range(2):
            step = (pqp - qp[t]) / q[t, t]
            new = new.copy()
            new[t] += step
            pqp = (pqp + step * (step * q[t, t] + 2 * qp[t])) / (1 + step) ** 2
            qp = (qp + step * q[t]) / (1 + step)
            new /= 1 + step
        p = np.where(going, new, p)
    return p[1]
