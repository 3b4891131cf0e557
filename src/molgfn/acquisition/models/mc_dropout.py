"""Monte Carlo dropout as the model that chooses."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from molgfn.acquisition.models.criterion import Positive
from molgfn.acquisition.models.fitted import Count, FittedAcquisition, Rate
from molgfn.proxies.base import Uncertainty
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.training import FitSettings


class MCDropout(FittedAcquisition):
    """One message-passing network as of ``molgfn proxy fit --uncertainty mc_dropout``, trained on what is known; the
    spread of its predictions under dropout masks is the deviation, without the noise of a measurement.

    Before there are ``least`` molecules candidates are drawn at random.

    Args:
        criterion: ucb, mean + beta deviation, with a beta drawn for each pick; or ei, expected improvement.
        beta: least and largest beta of ucb, drawn log-uniformly.
        every: rounds between trainings.
        least: molecules with a value that are needed.
        width: of atom states, and units of each of the two layers with masks.
        layers: rounds of messages.
        epochs: passes over the molecules, at most.
        validation: share that is held back for stopping and for the scale of the deviation.
        rate: probability that a unit is dropped.
        samples: masks of a prediction.
        seed: of parameters, batches, masks and the part that is held back.

    Raises:
        ConfigError: the largest beta is below the least.

    Reference: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016, arXiv 1506.02142.
    """

    uncertainty: ClassVar[Uncertainty] = "mc_dropout"

    def __init__(
        self,
        *,
        criterion: Literal["ucb", "ei"] = "ucb",
        beta: tuple[Positive, Positive] = (0.01, 1.0),
        every: Count = 1,
        least: Annotated[int, Field(ge=20)] = 50,
        width: Count = 64,
        layers: Count = 4,
        epochs: Count = 50,
        validation: Rate = 0.1,
        rate: Rate = 0.1,
        samples: Annotated[int, Field(ge=2)] = 64,
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        super().__init__(
            criterion=criterion,
            beta=beta,
            every=every,
            least=least,
            validation=validation,
            settings=FitSettings(width=width, layers=layers, epochs=epochs, seed=seed),
            masks=MaskSettings(rate=rate, samples=samples),
        )
