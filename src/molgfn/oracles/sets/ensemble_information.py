"""The information of an ensemble, or of any other draws from a posterior, of numbers or of classes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat

from molgfn.errors import ConfigError
from molgfn.information.base import Information
from molgfn.information.classes import ClassInformation
from molgfn.information.covariance import OfPredictions
from molgfn.information.gaussian import GaussianInformation
from molgfn.information.pools import Pool
from molgfn.information.predictions import Predictions
from molgfn.oracles.sets.information import SetInformation

Count = Annotated[int, Field(ge=1)]


class EnsembleInformation(SetInformation):
    """Of the predictions of S posterior members: networks, dropout masks, draws.

    Of numbers the outcomes are taken as jointly normal, with the covariance of the predictions. Of classes it is
    BatchBALD: exact for few members, an average over drawn outcomes above.

    Args:
        pool: the members, those of the environment.
        predictions: of numbers [S, n]; of classes probabilities [S, n, C], or [S, n] of the second of two. It must be
            given.
        task: what is predicted; of a proxy it must be that of its fit.
        noise: variance of the noise of a measured number.
        exact: most outcomes of a set of labels that are summed over.
        samples: outcomes that are drawn where there are more.
        seed: of the draws.

    Raises:
        ConfigError: no predictions, or not of that task.
        DataError: predictions that are missing, or no probabilities; the member is named.

    Reference: Kirsch et al. 2019, arXiv 1906.08158; Malik et al. 2023, arXiv 2306.15058.
    """

    name: ClassVar[str] = "ensemble_information"

    def __init__(
        self,
        *,
        pool: Pool,
        predictions: Predictions | None = None,
        task: Literal["regression", "classification"] = "regression",
        noise: PositiveFloat = 0.1,
        exact: Count = 10_000,
        samples: Count = 10_000,
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        super().__init__(pool=pool)
        if predictions is None:
            raise ConfigError(
                "predictions: of which posterior members? Give a file of them, such as "
                "{_target_: molgfn.information.predictions.PredictionFile, path: predictions.csv}"
            )
        self.predictions, self.task, self.noise = predictions, task, noise
        self.exact, self.samples, self.seed = exact, samples, seed
        self.prepare()

    @property
    def files(self) -> tuple[Path, ...]:
        return (*self.pool.files, *self.predictions.files)

    def make(self) -> Information:
        own = self.predictions.task
        if own is not None and own != self.task:
            raise ConfigError(f"task: the proxy of the predictions was fitted by task {own}; set task={own}")
        names = self.pool.members.names
        found = self.predictions.of(self.pool.members)
        if self.task == "classification":
            return ClassInformation(found, names, exact=self.exact, samples=self.samples, seed=self.seed)
        if found.ndim != 2:
            raise ConfigError(
                f"predictions: of numbers they are [S, n], these have the shape {list(found.shape)}; "
                "task=classification takes classes"
            )
        return GaussianInformation(OfPredictions(found), self.noise, names)
