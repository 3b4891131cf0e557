"""A reward under one fixed condition: an ordinary one, for objects that carry none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from molgfn.rewards.base import ConditionValues, Reward, ScoredProperty, Scores
from molgfn.serving.counters import Counters
from molgfn.serving.measurements import Measurements


class UnderCondition(Reward):
    """The same reward for objects that were all made, or are all looked at, under one condition.

    Args:
        reward: reads conditions.
        values: name -> its value; at least all that the reward reads. What objects carry themselves goes before it.
    """

    def __init__(self, reward: Reward, values: Mapping[str, float]) -> None:
        self.inner, self.values = reward, dict(values)
        self.kind, self.ranks = reward.kind, reward.ranks
        self.reads = reward.reads - self.values.keys()
        self.orders = reward.orders

    def _condition(self, n: int, own: ConditionValues | None) -> dict[str, Tensor]:
        fixed = {name: torch.full((n,), value, dtype=torch.float64) for name, value in self.values.items()}
        return {**fixed, **(own or {})}

    def log_reward(self, measurements: Measurements, condition: ConditionValues | None = None) -> Tensor:
        return self.inner.log_reward(measurements, self._condition(len(measurements), condition))

    def revalue(self, measurements: Measurements, condition: ConditionValues | None = None) -> Tensor:
        return self.inner.revalue(measurements, self._condition(len(measurements), condition))

    def achieved(self, measurements: Measurements) -> dict[str, Tensor]:
        return self.inner.achieved(measurements)

    def __call__(self, objects: Any, keys: list[str], condition: ConditionValues | None = None) -> Scores:
        return self.inner(objects, keys, self._condition(len(keys), condition))

    def further(
        self, objects: Any, keys: list[str], condition: ConditionValues | None = None, *, finished: bool
    ) -> Scores:
        return self.inner.further(objects, keys, self._condition(len(keys), condition), finished=finished)

    def remarks(self, objects: Any) -> dict[str, list[str]]:
        return self.inner.remarks(objects)

    @property
    def oracle(self) -> Any:
        """That of the reward, where it has one."""
        return getattr(self.inner, "oracle", None)

    @property
    def counters(self) -> Counters:
        return self.inner.counters

    @property
    def scored(self) -> ScoredProperty:
        return self.inner.scored

    @property
    def meaning(self) -> str:
        here = " and ".join(f"{name} = {value:g}" for name, value in self.values.items())
        return f"{self.inner.meaning}, here {here}" if self.inner.meaning else ""

    @property
    def recorded(self) -> bool:
        return self.inner.recorded

    @property
    def spent(self) -> bool:
        return self.inner.spent

    @property
    def floor(self) -> float:
        return self.inner.floor

    def state_dict(self) -> dict[str, Any]:
        return self.inner.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.inner.load_state_dict(state)
