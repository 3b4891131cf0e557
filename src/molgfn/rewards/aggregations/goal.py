"""A direction in the space of objectives: only what lies in a cone about it is worth anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from molgfn.rewards.aggregations.base import Aggregation
from molgfn.rewards.aggregations.weighted import WeightedSum


def goal_column(objective: str) -> str:
    """The condition that is the part of the goal along an objective."""
    return f"goal_{objective}"


class Goal(Aggregation):
    """value(y) cos(y, d)^g where cos(y, d) is at least ``cosine``, else 0, with g = log(border) / log(cosine).

    d is the direction of the conditions ``goal_NAME``, which ``condition=goal`` draws. In the middle of the focus cone
    the value counts in full, at its border ``border`` of it. Objects that are 0 in every objective have no direction
    and are worth 0. All objectives are read.

    Args:
        cosine: of the half angle of the cone.
        border: what is left of the value at the border.
        value: what an object in the cone is worth before; None: the mean of the objectives, by their components'
            weights.

    Reference: Roy et al. 2023, arXiv 2306.04620.
    """

    title: ClassVar[str] = "focus cone"

    def __init__(
        self,
        *,
        cosine: Annotated[float, Field(gt=0, lt=1)] = 0.98,
        border: Annotated[float, Field(gt=0, le=1)] = 0.1,
        value: Aggregation | None = None,
    ) -> None:
        self.cosine = cosine
        self.border = border
        self.value = WeightedSum(weights="components") if value is None else value
        self._power = math.log(border) / math.log(cosine)

    def reads(self, objectives: Sequence[str]) -> frozenset[str]:
        return frozenset(map(goal_column, objectives)) | self.value.reads(objectives)

    def problem(self, weights: Mapping[str, float]) -> str | None:
        if len(weights) < 2:
            return "a direction takes at least two objectives"
        return self.value.problem(weights)

    def __call__(
        self, worth: Mapping[str, np.ndarray], weights: Mapping[str, float], condition: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        y = np.array(list(worth.values()))
        direction = np.array([condition[goal_column(name)] for name in worth])
        lengths = np.sqrt((y * y).sum(axis=0) * (direction * direction).sum(axis=0))
        some = lengths != 0  # NaN, too, which then stays
        cosine = np.divide((y * direction).sum(axis=0), lengths, out=np.zeros(y.shape[1]), where=some)
        cosine = np.where(cosine > 1.0, 1.0, cosine)
        focus = np.where(cosine < self.cosine, 0.0, np.abs(cosine) ** self._power)
        return self.value(worth, weights, condition) * focus
