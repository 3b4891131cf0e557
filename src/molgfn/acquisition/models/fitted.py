"""What all models have in common that are a proxy, trained and calibrated anew on what is known."""

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
from molgfn.proxies.base import FittedProxy, Uncertainty
from molgfn.proxies.fitting import fit
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.table import PropertyTable
from molgfn.proxies.training import FitSettings

logger = logging.getLogger("molgfn")
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, lt=1)]


class FittedAcquisition(Acquisition):
    """Chooses by a proxy as of ``molgfn proxy fit``, trained on what is known: worths, which are numbers, so it is a
    regression also where the oracle gives labels or their probabilities. Before there are ``least`` molecules
    candidates are drawn at random.

    Args:
        criterion: ucb, mean + beta deviation, with a beta drawn for each pick; or ei, expected improvement.
        beta: least and largest beta of ucb, drawn log-uniformly.
        every: rounds between trainings.
        least: molecules with a value that are needed.
        validation: share that is held back for stopping and for the scale of the deviation.
        settings: of the network's training.
        masks: of a proxy with masks.

    Raises:
        ConfigError: the largest beta is below the least.
    """

    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    models: ClassVar[bool] = True
    joint: ClassVar[bool] = True
    #: the kind of proxy
    uncertainty: ClassVar[Uncertainty]

    def __init__(
        self,
        *,
        criterion: Literal["ucb", "ei"],
        beta: tuple[Positive, Positive],
        every: int,
        least: int,
        validation: float,
        settings: FitSettings,
        masks: MaskSettings | None = None,
    ) -> None:
        self.criterion = Criterion(criterion, beta)
        self.validation, self.settings, self.masks = validation, settings, masks
        self.every, self.least = every, least
        self._fitted: FittedProxy | None = None
        self._read = 0  # molecules that it was trained on
        self._best = 0.0

    def train(self, table: PropertyTable) -> FittedProxy:
        """The proxy of what is known; the same for the same table.

        Raises:
            DataError: nothing can be learned from it.
        """
        return fit(
            table,
            self.settings,
            uncertainty=self.uncertainty,
            masks=self.masks,
            validation=self.validation,
            test=0.0,
            fingerprints=False,
        )

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
            self._fitted = self.train(_table(known, rows))
        except DataError as error:  # all have the same value
            self._fitted = None
            logger.warning("the proxy cannot be trained, and candidates are drawn at random: %s", error)

    def _proxy(self) -> FittedProxy:
        if self._fitted is None:
            raise ContractError(f"{type(self).__name__}: it was not trained yet")
        return self._fitted

    def expect(self, objects: Any) -> tuple[np.ndarray, np.ndarray]:
        return self._proxy().latent(mols_of(objects))

    def members(self, objects: Any) -> np.ndarray:
        """Worth of objects [n] as each of S posterior members expects it, float64 [S, n]; a row is one function of all
        of them, without the noise of a measurement and not calibrated.
        """
        return self._proxy().members(mols_of(objects))

    def hopes(self, random: np.random.Generator) -> Callable[[Any], np.ndarray] | None:
        return None if self._fitted is None else self.criterion.hopes(self.expect, random)

    def choose(self, objects: Any, n: int, random: np.random.Generator) -> Choice:
        if self._fitted is None:
            rows = random.choice(len(objects), min(n, len(objects)), replace=False)
            return Choice.plain(rows, f"fewer than {self.least} molecules are known: drawn at random")
        mean, deviation = self.expect(objects)
        return self.criterion.pick(mean, deviation, self._best, n, random)

    def belief(self, objects: Any, random: np.random.Generator) -> Belief | None:
        """The joint of the posterior members' predictions; the noise is what these miss on what was held back."""
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
