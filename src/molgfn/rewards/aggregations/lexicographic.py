"""Objectives in an order: each counts when those before it are good enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from molgfn.rewards.aggregations.base import Aggregation, unweighted

Threshold = Annotated[float, Field(gt=0, le=1)]


class Lexicographic(Aggregation):
    """(p + y / t) / k, where p of the k objectives in a row have reached their thresholds and y < t is the next one's.

    More thresholds reached is always worth more; 1 where all are. What comes after the first objective that falls short
    is not read.

    Args:
        thresholds: from which desirability on an objective is good enough, in (0, 1]: a number for all but the last
            one, which counts up to 1; or objective -> number for all.
        order: the objectives, the most important first; None: as the components stand.
    """

    title: ClassVar[str] = "lexicographic order"

    def __init__(self, *, thresholds: Threshold | dict[str, Threshold] = 0.5, order: list[str] | None = None) -> None:
        self.thresholds = thresholds
        self.order = order

    def problem(self, weights: Mapping[str, float]) -> str | None:
        for key, named in (("thresholds", self.thresholds), ("order", self.order)):
            if not isinstance(named, (dict, list)):
                continue
            if unknown := sorted(set(named) - set(weights)):
                return f"{key}: there is no objective {', '.join(unknown)}; there are {', '.join(weights)}"
            if sorted(named) != sorted(weights):
                return f"{key}: each of {', '.join(weights)} should be there once"
        return unweighted(weights, "an order has none")

    def __call__(
        self, worth: Mapping[str, np.ndarray], weights: Mapping[str, float], condition: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        order = list(worth) if self.order is None else self.order
        out = np.zeros(len(worth[order[0]]))
        counts = np.ones(len(out), dtype=bool)
        for name in order:
            threshold = self._threshold(name, last=name == order[-1])
            out += np.where(counts, np.minimum(worth[name] / threshold, 1.0), 0.0)
            counts &= worth[name] >= threshold
        return out / len(order)

    def _threshold(self, name: str, *, last: bool) -> float:
        if isinstance(self.thresholds, dict):
            return self.thresholds[name]
        return 1.0 if last else self.thresholds
