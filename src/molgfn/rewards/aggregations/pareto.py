"""No number out of several objectives: their order counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from molgfn.rewards.aggregations.base import Aggregation
from molgfn.rewards.aggregations.weighted import WeightedSum


class Pareto(Aggregation):
    """An object is better than another where it is so in one objective and worse in none; nothing else is said.

    ``objective=order_preserving`` learns a reward that keeps this order, and is the only one that goes with it. The
    number that stands in tables, and by which a store of the best objects goes, is the mean of the objectives by their
    components' weights; nothing is trained to be in proportion to it.

    Reference: Chen and Mauch 2024, arXiv 2310.00386.
    """

    title: ClassVar[str] = "Pareto order"
    orders: ClassVar[bool] = True

    def __call__(
        self, worth: Mapping[str, np.ndarray], weights: Mapping[str, float], condition: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        return WeightedSum(weights="components")(worth, weights, condition)
