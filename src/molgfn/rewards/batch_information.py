"""R = exp(information / temperature) of a batch of measurements."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from molgfn.errors import ConfigError
from molgfn.objects.set import SET
from molgfn.oracles.base import Oracle
from molgfn.rewards.oracle_reward import OracleReward, times
from molgfn.rewards.scalarisation import Scalarisation
from molgfn.serving.settings import Scoring


class BatchInformation(OracleReward):
    """R(B) = exp(max(I(B), 0) / temperature), I the joint mutual information of a set and the model, in nats.

    The least log R is 0, that of a batch that tells nothing, which a set without a value gets, too.

    Args:
        oracle: measures I of sets (``gp_information``, ``ensemble_information``); given by the experiment.
        temperature: in nats; lower means greedier. None: 1 over the condition ``beta``, drawn for each trajectory.
        scoring: how the oracle is asked; given by the experiment.

    Raises:
        ConfigError: the oracle does not measure sets, or less of what it measures is better.

    Reference: Malik et al. 2023, arXiv 2306.15058, equation 5.
    """

    def __init__(
        self,
        *,
        oracle: Oracle | Scalarisation,
        temperature: Annotated[float, Field(gt=0)] | None = 0.2,
        scoring: Scoring | None = None,
    ) -> None:
        if oracle.kind is not SET or oracle.direction != "maximise":
            raise ConfigError(
                f"oracle: BatchInformation is of sets that tell more or less, and {oracle.name} measures "
                f"{oracle.kind.name} objects, of which {oracle.direction} is better; take gp_information or "
                "ensemble_information"
            )
        super().__init__(oracle=oracle, transform=None, scoring=scoring)
        self.temperature = temperature
        if temperature is None:
            self.reads |= {"beta"}

    def least_log_reward(self, condition: dict[str, np.ndarray]) -> float:
        return 0.0

    @property
    def floor(self) -> float:
        return 0.0

    def log_reward_of(self, desirability: np.ndarray, condition: dict[str, np.ndarray]) -> np.ndarray:
        beta = condition["beta"] if self.temperature is None else 1 / self.temperature
        return beta * np.maximum(desirability, 0.0)

    def in_words(self, what: str) -> tuple[str, str]:
        if self.temperature is None:
            return f"R = exp(beta {what})", ""
        return f"R = exp({what} / {self.temperature:g})", f"0.1 nat more is {times(0.1 / self.temperature)}"
