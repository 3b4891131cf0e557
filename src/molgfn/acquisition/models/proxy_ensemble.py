"""The project's proxy as the model that chooses: an ensemble of graph networks, trained and calibrated anew."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from molgfn.acquisition.models.criterion import Positive
from molgfn.acquisition.models.fitted import Count, FittedAcquisition, Rate
from molgfn.proxies.base import Uncertainty
from molgfn.proxies.training import FitSettings


class ProxyEnsemble(FittedAcquisition):
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

    uncertainty: ClassVar[Uncertainty] = "ensemble"

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
        validation: Rate = 0.1,
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        super().__init__(
            criterion=criterion,
            beta=beta,
            every=every,
            least=least,
            validation=validation,
            settings=FitSettings(members=members, width=width, layers=layers, epochs=epochs, seed=seed),
        )
