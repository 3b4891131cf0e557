"""The power reward, R = value^beta."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from pydantic import Field

from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.rewards.diversity_filter import DiversityFilter
from molgfn.rewards.oracle_reward import OracleReward, times
from molgfn.rewards.scalarisation import Scalarisation
from molgfn.rewards.transforms import Transform
from molgfn.serving.settings import Scoring


class Power(OracleReward):
    """R(x) = max(y / scale, floor)^beta with y = transform(value), so log R = beta log max(y / scale, floor).

    The clip comes before the power: the least log R is beta log(floor), which is also what an object without a value
    gets.

    Args:
        oracle: the property, or what is made of several; given by the experiment.
        beta: inverse temperature; larger means greedier. None: it is the condition ``beta``, drawn for each trajectory.
        scale: what the property is divided by (8 for the sEH proxy).
        floor: least y / scale, positive.
        transform: applied to the property first; required where less of it is better.
        diversity_filter: gives molecules whose scaffold was found often enough the least reward; None for none.
        scoring: how the oracle is asked; given by the experiment.

    Raises:
        ConfigError: The oracle is to be minimised and there is no transform.

    Reference:
        Bengio et al., arXiv 2106.04399, section 4.3 (R = proxy^beta).
    """

    def __init__(
        self,
        *,
        oracle: Oracle | Scalarisation,
        beta: Annotated[float, Field(ge=0)] | None = 1.0,
        scale: Annotated[float, Field(gt=0)] = 1.0,
        floor: Annotated[float, Field(gt=0)] = 1e-4,
        transform: Transform | None = None,
        diversity_filter: DiversityFilter | None = None,
        scoring: Scoring | None = None,
    ) -> None:
        if oracle.direction == "minimise" and transform is None:
            raise ConfigError(
                f"reward.transform: oracle {oracle.name} is to be minimised, but R = value^beta pays most for the "
                "largest; give a falling transform such as "
                "{_target_: molgfn.rewards.transforms.Linear, low: <worst>, high: <best>}"
            )
        super().__init__(oracle=oracle, transform=transform, scoring=scoring, diversity_filter=diversity_filter)
        self.beta = beta
        self.scale = scale
        self.least = floor
        if beta is None:
            self.reads |= {"beta"}

    def least_log_reward(self, condition: dict[str, np.ndarray]) -> np.ndarray | float:
        return self._beta(condition) * math.log(self.least)

    def in_words(self, what: str) -> tuple[str, str]:
        over = "" if self.scale == 1 else f" / {self.scale:g}"
        formula = f"R = max({what}{over}, {self.least:g})^"
        if self.beta is None:
            return f"{formula}beta", ""
        return f"{formula}{self.beta:g}", f"10 % more {what} is {times(self.beta * math.log(1.1))}"

    def log_reward_of(self, desirability: np.ndarray, condition: dict[str, np.ndarray]) -> np.ndarray:
        return self._beta(condition) * np.log(np.maximum(desirability / self.scale, self.least))

    def _beta(self, condition: dict[str, np.ndarray]) -> np.ndarray | float:
        return condition["beta"] if self.beta is None else self.beta
