"""The Boltzmann reward, R = exp(beta value)."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.rewards.diversity_filter import DiversityFilter
from molgfn.rewards.oracle_reward import OracleReward, times
from molgfn.rewards.scalarisation import Scalarisation
from molgfn.rewards.transforms import Transform
from molgfn.serving.settings import Scoring


class Boltzmann(OracleReward):
    """R(x) = exp(max(beta sign y, log_floor)) with y = transform(value), so log R = max(beta sign y, log_floor).

    The clip is the last step: the least log R is ``log_floor``, which is also what an object without a value gets.

    Args:
        oracle: the property, or what is made of several; given by the experiment.
        beta: inverse temperature, in one over the property's units. None: it is the condition ``beta``, drawn for each
            trajectory.
        sign: -1 where less of y is better (energies).
        log_floor: least log R.
        transform: applied to the property first.
        diversity_filter: gives molecules whose scaffold was found often enough the least reward; None for none.
        scoring: how the oracle is asked; given by the experiment.

    Raises:
        ConfigError: The oracle is to be minimised and there is neither ``sign=-1`` nor a transform; or a diversity
            filter with ``sign=-1``, which could not tell good from bad.
    """

    def __init__(
        self,
        *,
        oracle: Oracle | Scalarisation,
        beta: Annotated[float, Field(ge=0)] | None = 1.0,
        sign: Literal[1, -1] = 1,
        log_floor: float = -30.0,
        transform: Transform | None = None,
        diversity_filter: DiversityFilter | None = None,
        scoring: Scoring | None = None,
    ) -> None:
        if oracle.direction == "minimise" and transform is None and sign != -1:
            raise ConfigError(
                f"reward.sign: oracle {oracle.name} is to be minimised, but R = exp(beta * value) pays most for the "
                "largest; give sign=-1, or a falling transform such as "
                "{_target_: molgfn.rewards.transforms.Linear, low: <worst>, high: <best>}"
            )
        if diversity_filter is not None and sign == -1:
            raise ConfigError(
                "reward.diversity_filter: counts molecules of at least min_score, so more must be better; with sign=-1 "
                "give sign=1 and a falling transform such as "
                "{_target_: molgfn.rewards.transforms.Linear, low: <worst>, high: <best>}"
            )
        super().__init__(oracle=oracle, transform=transform, scoring=scoring, diversity_filter=diversity_filter)
        self.beta = beta
        self.sign = sign
        self.log_floor = log_floor
        if beta is None:
            self.reads |= {"beta"}

    @property
    def floor(self) -> float:
        return self.log_floor

    def least_log_reward(self, condition: dict[str, np.ndarray]) -> float:
        return self.log_floor

    def in_words(self, what: str) -> tuple[str, str]:
        if self.beta is None:
            return f"R = exp({'-' if self.sign < 0 else ''}beta {what})", ""
        units = self.scored.units if self.transform is None and self.scored.units != "1" else ""
        step = f"1 {units}".strip() if units else "0.1" if self._within_one else "1"
        size = 0.1 if step == "0.1" else 1.0
        better = "more" if self.sign > 0 else "less"
        return f"R = exp({self.beta * self.sign:g} {what})", f"{step} {better} {what} is {times(self.beta * size)}"

    @property
    def _within_one(self) -> bool:
        low, high = self.oracle.range
        return high - low <= 1 if self.transform is None else self.transform.bounded

    def log_reward_of(self, desirability: np.ndarray, condition: dict[str, np.ndarray]) -> np.ndarray:
        beta = condition["beta"] if self.beta is None else self.beta
        return np.maximum(beta * self.sign * desirability, self.log_floor)
