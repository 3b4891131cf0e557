"""The project's proxy as the model that chooses: an ensemble of graph networks, trained and calibrated anew."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from molgfn.acquisition.beliefs import Belief, candidates_of, of_predictions
from molgfn.acquisition.known import Known
from molgfn.acquisition.models.base import Acquisition, Choice
from molgfn.acquisition.models.criterion import Criterion, Positive
from molgfn.chemistry.molecules import Molecule, mols_of
from molgfn.errors import ContractError, DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind
from molgfn.proxies.ensemble import ProxyEnsemble as Fitted
from molgfn.proxies.fitting import fit
from molgfn.proxies.table import PropertyTable
from molgfn.proxies.training import FitSettings

logger = logging.getLogger("molgfn")
Count = Annotated[int, Field(ge=1)]


class ProxyEnsemble(Acquisition):
    """Message-passing networks as of ``molgfn proxy fit``, trained on what is known; a share of it is held back, on
    which the spread of the members is scaled so that it is right on average.

    With few molecules networks are badly calibrated whatever is done to them: on PMO such a model has cost more than it
    saved, where ``tanimoto_gp`` has not. Before there are ``least`` of them candidates are drawn at random.

    Args:
        criterion: ucb, mean + beta deviation, with a beta drawn for each pick; or ei, expected improvement.
        beta: least and largest beta of ucb, drawn log-uniformly.
        every: rounds between trainings.
        least: molecules with a value that are needed.
        members: networks in the ensemble.
        width: of their states.
        layers: rounds of messages.
        epochs: passes over the molecules, at most.
        validation: share that is held back for stopping and for the scale of the deviation.
        seed: of parameters, batches and the part that is held back.

    Raises:
        ConfigError: the largest beta is below the least.

    Reference: Lakshminarayanan et al. 2017, arXiv 1612.01474 (ensembles); Jain et al. 2022, arXiv 2203.04115.
    """

    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    models: ClassVar[bool] = True
    joint: ClassVar[bool] = True

    def __init__(
        self,
        *,
        criterion: Literal["ucb", "ei"] = "ucb",
        beta: tuple[Positive, Positive] = (0.01, 1.0),
        every: Count = 1,
        least: Annotated[int, Field(ge=20)] = 50,
        members: Annotated[int, Field(ge=2)] = 5,
        width: Count = 64,
        layers: Count = 4,
        epochs: Count = 50,
        validation: Annotated[float, Field(gt=0, lt=1)] = 0.1,
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        self.criterion = Criterion(criterion, beta)
        self.every, self.least, self.validation = every, least, validation
        self.settings = FitSettings(members=members, width=width, layers=layers, epochs=epochs, seed=seed)
        self._fitted: Fitted | None = None
        self._read = 0  # molecules that it was trained on
        self._best = 0.0

    def fit(self, known: Known) -> None:
        """Train on the molecules up to the latest round that is a multiple of ``every``, so that a loop that goes on
        has the model that it had.
        """
        valued = known.valued
        self._best = float(known.worth[valued].max()) if len(valued) else 0.0
        last = int(known.rounds[-1]) // self.every * self.every
        rows = valued[known.rounds[valued] <= last]
        if len(rows) < self.least or len(rows) == self._read:
            return
        self._read = len(rows)
        try:
            self._fitted = fit(
                _table(known, rows), self.settings, validation=self.validation, test=0.0, fingerprints=False
            )
        except DataError as error:  # all have the same value
            self._fitted = None
            logger.warning("the ensemble cannot be trained, and candidates are drawn at random: %s", error)

    def expect(self, objects: Any) -> tuple[np.ndarray, np.ndarray]:
        if self._fitted is None:
            raise ContractError("ProxyEnsemble: it was not trained yet")
        return self._fitted.predict(mols_of(objects))

    def hopes(self, random: np.random.Generator) -> Callable[[Any], np.ndarray] | None:
        return None if self._fitted is None else self.criterion.hopes(self.expect, random)

    def choose(self, objects: Any, n: int, random: np.random.Generator) -> Choice:
        if self._fitted is None:
            rows = random.choice(len(objects), min(n, len(objects)), replace=False)
            return Choice.plain(rows, f"fewer than {self.least} molecules are known: drawn at random")
        mean, deviation = self.expect(objects)
        return self.criterion.pick(mean, deviation, self._best, n, random)

    def belief(self, objects: Any, random: np.random.Generator) -> Belief | None:
        """The joint of the networks' predictions; the noise is what they miss on the part that was held back."""
        if self._fitted is None:
            return None
        members, card = candidates_of(list(objects)), self._fitted.card
        predictions = self._fitted.members(mols_of(objects))
        deviation = card.std_factor * predictions.std(0, ddof=1)
        values = self.criterion.values(predictions.mean(0), deviation, self._best, self.criterion.draw(random))
        noise = max(card.metrics["validation"].rmse, 1e-3 * card.scale) ** 2
        return of_predictions(members, values, predictions, noise, card.std_factor)


def _table(known: Known, rows: np.ndarray) -> PropertyTable:
    """What is known as a table with a number for each molecule."""
    molecules: list[Molecule] = known.take(rows)
    count = len(rows)
    return PropertyTable(
        path=Path("known"),
        name="worth",
        molecules=molecules,
        values=known.worth[rows],
        rows=count,
        left_out={},
        reasons=[],
        first=[],
        merged=0,
        noise=float("nan"),
        sha256="",
    )
