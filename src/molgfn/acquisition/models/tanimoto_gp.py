"""A Gaussian process on count fingerprints: nothing is fitted, and it is hard to beat with few calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy import sparse

from molgfn.acquisition.beliefs import Belief, candidates_of
from molgfn.acquisition.gaussian_process import GaussianProcess, Posterior
from molgfn.acquisition.known import Known
from molgfn.acquisition.models.base import Acquisition, Choice
from molgfn.acquisition.models.criterion import Criterion, Positive
from molgfn.chemistry.count_similarity import count_rows, minmax
from molgfn.chemistry.molecules import Molecule, mols_of
from molgfn.information.covariance import Explained
from molgfn.information.gaussian import GaussianInformation
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind


class TanimotoGP(Acquisition):
    """Exact Gaussian process with the MinMax kernel on Morgan counts, mean 0 and variance 1: nothing is fitted.

    A batch is picked one by one: after each pick the variances are those with it measured (its value does not matter to
    them), so that a batch does not hold one molecule in sixteen spellings. Its Cholesky factor grows with each round,
    O(n^2) for a new molecule; n up to 10,000 (then 800 MB).

    Args:
        criterion: ucb, mean + beta deviation, with a beta drawn for each pick; or ei, expected improvement.
        beta: least and largest beta of ucb, drawn log-uniformly.
        noise: variance of the noise, in units of the kernel.
        radius: of the Morgan environments.
        standardise: give what is known mean 0 and standard deviation 1 each round: for an oracle whose values are not
            in [0, 1], such as kcal/mol. The deviation is at least ``floor``.
        floor: least standard deviation that is divided by.

    Raises:
        ConfigError: the largest beta is below the least.

    Reference: Tripp and Hernández-Lobato 2024, arXiv 2312.12583 and arXiv 2406.07721 (kernel and defaults); Desautels
    et al. 2014, JMLR 15, 4053 (batches).
    """

    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    models: ClassVar[bool] = True
    joint: ClassVar[bool] = True

    def __init__(
        self,
        *,
        criterion: Literal["ucb", "ei"] = "ucb",
        beta: tuple[Positive, Positive] = (0.01, 1.0),
        noise: Positive = 1e-4,
        radius: Annotated[int, Field(ge=0, le=6)] = 3,
        standardise: bool = False,
        floor: Positive = 1e-6,
    ) -> None:
        self.criterion = Criterion(criterion, beta)
        self.noise, self.radius = noise, radius
        self.standardise, self.floor = standardise, floor
        self._process = GaussianProcess(noise=noise)
        self._rows: sparse.csr_matrix = count_rows([], radius)
        self._taken = 0  # rows of what is known, the valueless ones included
        self._values = np.zeros(0)
        self._centre, self._scale, self._best = 0.0, 1.0, 0.0

    @property
    def unit_scale(self) -> bool:
        return not self.standardise

    def fit(self, known: Known) -> None:
        """Take up what is new, round by round, so that the factor does not depend on how often this is called."""
        valued = known.valued
        new = valued[valued >= self._taken]
        for number in np.unique(known.rounds[new]).tolist():
            rows = self._counts(known.take(new[known.rounds[new] == number]))
            self._process.add(minmax(self._rows, rows), minmax(rows, rows))
            self._rows = sparse.csr_matrix(sparse.vstack([self._rows, rows]))
        self._taken = len(known)
        worth = known.worth[valued]
        self._best = float(worth.max()) if len(worth) else 0.0
        if self.standardise and len(worth):
            self._centre, self._scale = float(worth.mean()), max(float(worth.std()), self.floor)
        self._values = (worth - self._centre) / self._scale

    def _counts(self, molecules: Sequence[Molecule]) -> sparse.csr_matrix:
        return count_rows(mols_of(molecules), self.radius)

    def _posterior(self, rows: sparse.csr_matrix) -> Posterior:
        return self._process.posterior(self._values, minmax(self._rows, rows), np.ones(len(rows.indptr) - 1))

    def expect(self, objects: Any) -> tuple[np.ndarray, np.ndarray]:
        posterior = self._posterior(self._counts(objects))
        return self._centre + self._scale * posterior.mean, self._scale * posterior.deviation

    def hopes(self, random: np.random.Generator) -> Callable[[Any], np.ndarray]:
        return self.criterion.hopes(self.expect, random)

    def choose(self, objects: Any, n: int, random: np.random.Generator) -> Choice:
        rows = self._counts(objects)
        posterior = self._posterior(rows)

        def after(row: int) -> np.ndarray:
            posterior.observe(row, minmax(rows[row], rows)[0])
            return self._scale * posterior.deviation

        mean, deviation = self._centre + self._scale * posterior.mean, self._scale * posterior.deviation
        return self.criterion.pick(mean, deviation, self._best, n, random, after)

    def belief(self, objects: Any, random: np.random.Generator) -> Belief:
        rows = self._counts(objects)
        posterior = self._posterior(rows)
        mean, deviation = self._centre + self._scale * posterior.mean, self._scale * posterior.deviation
        values = self.criterion.values(mean, deviation, self._best, self.criterion.draw(random))

        def prior(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return minmax(rows[a], rows[b])

        members = candidates_of(list(objects))
        covariance = Explained(prior, np.ones(len(members)), posterior.explained)
        return Belief(members, values, GaussianInformation(covariance, self.noise, members.names))
