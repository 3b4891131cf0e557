"""A Gaussian process on count fingerprints as a proxy: two numbers are fitted, and the uncertainty is exact."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import ConfigDict, Field, with_config
from rdkit import Chem
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve, eigh, solve_triangular
from scipy.optimize import minimize

from molgfn.chemistry.count_similarity import MOST, SIZE, count_rows, minmax
from molgfn.errors import DataError
from molgfn.proxies.base import Card, FittedProxy, Positive, Uncertainty
from molgfn.proxies.files import KEY, card_of, training_of
from molgfn.proxies.neighbours import Neighbours

#: molecules whose draws are made together: O(n^3) and 8 n^2 bytes
MOST_TOGETHER = 4000
#: molecules that it can be fitted to: O(n^3), and 8 n^2 bytes more than once
MOST_TRAINED = 10_000
#: molecules that are predicted at once, to bound memory
CHUNK = 1024
#: least and largest variance of the noise and of the process that are tried, standardised
BOUNDS = (1e-4, 1e2)


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class TanimotoCard(Card):
    """Everything about a Gaussian process but its molecules.

    Attributes:
        radius: of the Morgan environments.
        variance: of the process, standardised.
        noise: variance of the noise, standardised.
        samples: draws that ``members`` makes.
        seed: of these draws.
    """

    radius: Annotated[int, Field(ge=0, le=6)]
    variance: Positive
    noise: Positive
    samples: Annotated[int, Field(ge=2)]
    seed: Annotated[int, Field(ge=0)]


class TanimotoProxy(FittedProxy):
    """Exact Gaussian process with the MinMax kernel on Morgan counts, mean 0 of the standardised values.

    Args:
        card: what it is.
        rows: counts of the training molecules, as ``chemistry.count_similarity.count_rows`` writes them.
        values: of the property, standardised, float64 [N].
        training: fingerprints of the training molecules; None where they were not kept.

    Reference: Ralaivola et al. 2005 (kernel); Griffiths et al. 2023, arXiv 2212.04450 (processes on molecules).
    """

    uncertainty: ClassVar[Uncertainty] = "gp"
    card: TanimotoCard

    def __init__(
        self, card: TanimotoCard, rows: sparse.csr_matrix, values: np.ndarray, training: Neighbours | None = None
    ) -> None:
        self.card, self.rows, self.values, self.training = card, rows, values, training
        kernel = card.variance * minmax(rows, rows)
        kernel[np.diag_indices_from(kernel)] += card.noise
        self._factor = cho_factor(kernel, lower=True, overwrite_a=True)
        self._weights = cho_solve(self._factor, values)

    def with_card(self, card: TanimotoCard, training: Neighbours | None) -> Self:
        """The same process under another card, of the same variances, with fingerprints; nothing is computed anew."""
        other = copy.copy(self)
        other.card, other.training = card, training
        return other

    def members(self, mols: Sequence[Chem.Mol]) -> np.ndarray:
        """Joint draws of the posterior of the property, in its units, float64 [S, B]; those of two calls have nothing
        to do with each other.

        Raises:
            DataError: more than 4,000 molecules.
        """
        if len(mols) > MOST_TOGETHER:
            raise DataError(
                f"{len(mols):,} molecules: a Gaussian process draws up to {MOST_TOGETHER:,} of them jointly"
            )
        rows = count_rows(mols, self.card.radius)
        mean, explained = self._explained(rows)
        covariance = self.card.variance * minmax(rows, rows) - explained.T @ explained
        scales, axes = eigh(covariance)
        normals = np.random.default_rng(self.card.seed).standard_normal((self.card.samples, len(mols)))
        draws = mean + (normals * np.sqrt(scales.clip(0))) @ axes.T
        return draws * self.card.scale + self.card.mean

    def latent(self, mols: Sequence[Chem.Mol]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and calibrated standard deviation of the property without noise, float64 [B] each."""
        return self._moments(mols, 0.0)

    def predict(self, mols: Sequence[Chem.Mol]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and calibrated standard deviation of a measurement, float64 [B] each."""
        return self._moments(mols, self.card.noise)

    def describe(self) -> str:
        card = self.card
        return (
            f"gp: {len(self.values):,} molecules, MinMax kernel on Morgan counts of radius {card.radius}, variance "
            f"{card.variance:.3g} and noise {card.noise:.3g} in squared standard deviations"
        )

    def _explained(self, rows: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
        """Standardised mean [B], and what the data takes off the covariance, as a root [N, B]."""
        across = self.card.variance * minmax(self.rows, rows)
        return across.T @ self._weights, solve_triangular(self._factor[0], across, lower=True)

    def _moments(self, mols: Sequence[Chem.Mol], noise: float) -> tuple[np.ndarray, np.ndarray]:
        card, means, deviations = self.card, [np.zeros(0)], [np.zeros(0)]
        for i in range(0, len(mols), CHUNK):
            mean, explained = self._explained(count_rows(mols[i : i + CHUNK], card.radius))
            variance = np.maximum(card.variance - np.einsum("ij,ij->j", explained, explained), 0.0)
            means.append(mean)
            deviations.append(np.sqrt(variance + noise))
        return (
            np.concatenate(means) * card.scale + card.mean,
            card.std_factor * card.scale * np.concatenate(deviations),
        )

    def _plain(self) -> dict[str, Any]:
        return {
            "counts": {
                "columns": torch.from_numpy(self.rows.indices.astype(np.int32)),
                "sizes": torch.from_numpy(np.diff(self.rows.indptr).astype(np.int32)),
                "values": torch.from_numpy(self.values),
            }
        }

    @classmethod
    def of(cls, path: Path, content: dict[str, Any]) -> Self:
        card = card_of(path, content[KEY], TanimotoCard)
        if problem := _problem_of(content.get("counts")):
            raise DataError(f"{path}: `counts`, those of the training molecules: {problem}")
        columns, sizes, values = (content["counts"][name].numpy() for name in ("columns", "sizes", "values"))
        ends = np.concatenate([[0], np.cumsum(sizes)])
        ones = np.ones(len(columns), dtype=np.float32)
        rows = sparse.csr_matrix((ones, columns, ends), shape=(len(sizes), SIZE * MOST))
        return cls(card, rows, values, training_of(path, content.get("training")))


def fitted_variances(kernel: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Variances of the process and of the noise that make the marginal likelihood largest, within ``BOUNDS``.

    One eigendecomposition, O(N^3); each further likelihood is O(N).

    Args:
        kernel: of N molecules, with ones on the diagonal, float64 [N, N].
        values: standardised, float64 [N].
    """
    scales, axes = eigh(kernel)
    squares = (axes.T @ values) ** 2

    def loss(logs: np.ndarray) -> float:
        """-2 log p(values) / N but for a constant."""
        spectrum = np.exp(logs[0]) * scales.clip(0) + np.exp(logs[1])
        return float((np.log(spectrum) + squares / spectrum).mean())

    starts = [np.log([1.0, noise]) for noise in (0.01, 0.1, 0.5)]  # the likelihood may have two hills
    bounds = [tuple(np.log(BOUNDS))] * 2
    found = min((minimize(loss, start, method="L-BFGS-B", bounds=bounds) for start in starts), key=lambda r: r.fun)
    variance, noise = np.exp(found.x)
    return float(variance), float(noise)


def _problem_of(counts: object) -> str | None:
    """Why this is not what ``_plain`` wrote."""
    if not isinstance(counts, dict) or set(counts) != {"columns", "sizes", "values"}:
        return "should be `columns`, `sizes` and `values`"
    columns, sizes, values = counts["columns"], counts["sizes"], counts["values"]
    wanted = ((columns, torch.int32), (sizes, torch.int32), (values, torch.float64))
    if not all(isinstance(x, torch.Tensor) and x.dtype == kind and x.ndim == 1 for x, kind in wanted):
        return "`columns` and `sizes` should be int32 [S] and [N], `values` float64 [N]"
    if not len(sizes) or len(values) != len(sizes) or int(sizes.min()) < 0 or int(sizes.sum()) != len(columns):
        return "`sizes` do not add up to the number of `columns`, or there are not as many `values`"
    if not values.isfinite().all():
        return "a value is not finite"
    fits = not len(columns) or 0 <= int(columns.min()) <= int(columns.max()) < SIZE * MOST
    return None if fits else "a column is out of range"
