"""Weighted sum, product and Chebyshev distance of objectives, with weights that are fixed or those of a condition."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from molgfn.rewards.aggregations.base import Aggregation, unweighted

#: a product takes no desirability for smaller than this, so that one zero does not hide the others
PRODUCT_CLIP = 1e-8


def preference_column(objective: str) -> str:
    """The condition that is the weight of an objective."""
    return f"preference_{objective}"


class Weighted(Aggregation):
    """Of desirabilities y_i with weights w_i, which sum to 1.

    An objective of weight 0 is not read: where it has no value that costs nothing.

    Args:
        weights: None: the conditions ``preference_NAME``, which ``condition=preference`` draws; "components": the
            weight of each component.
    """

    def __init__(self, *, weights: Literal["components"] | None = None) -> None:
        self.weights = weights

    def reads(self, objectives: Sequence[str]) -> frozenset[str]:
        return frozenset() if self.weights else frozenset(map(preference_column, objectives))

    def problem(self, weights: Mapping[str, float]) -> str | None:
        return None if self.weights else unweighted(weights, "with weights null those of a condition are taken")

    def __call__(
        self, worth: Mapping[str, np.ndarray], weights: Mapping[str, float], condition: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        y = np.array(list(worth.values()))
        if self.weights:
            given = np.repeat(np.array([weights[name] for name in worth])[:, None], y.shape[1], axis=1)
        else:
            given = np.array([condition[preference_column(name)] for name in worth])
        shares = given / given.sum(axis=0)
        read = shares > 0
        return np.minimum(np.maximum(self.of(np.where(read, y, 1.0), np.where(read, shares, 0.0)), 0.0), 1.0)

    @abstractmethod
    def of(self, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        """The number, [B], of desirabilities [k, B] and weights [k, B] that sum to 1; y is 1 where w is 0."""


class WeightedSum(Weighted):
    """sum_i w_i y_i, the weighted mean: what is lacking in one objective another can make up for.

    Args:
        weights: None: the conditions ``preference_NAME``, which ``condition=preference`` draws; "components": the
            weight of each component.

    Reference: MOGFN-PC, Jain et al. 2023, arXiv 2210.12765, equation 5.
    """

    title: ClassVar[str] = "weighted sum"

    def of(self, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        return (w * y).sum(axis=0)


class WeightedProduct(Weighted):
    """prod_i max(y_i, 1e-8)^w_i, the weighted geometric mean: an object that lacks one objective is worth little.

    Args:
        weights: None: the conditions ``preference_NAME``, which ``condition=preference`` draws; "components": the
            weight of each component.
    """

    title: ClassVar[str] = "weighted product"

    def of(self, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        return np.exp((w * np.log(np.maximum(y, PRODUCT_CLIP))).sum(axis=0))


class Chebyshev(Weighted):
    """1 - max_i (w_i / max_j w_j) (1 - y_i): the weighted Chebyshev distance to the utopia point, turned about.

    The utopia point is 1 in every objective. Distances are divided by the largest weight, so that the number goes from
    0 (the objective of the largest weight is 0) to 1 (every objective that is read is 1) for all weights; equal weights
    give min_i y_i. Every point of a Pareto front, of a concave one, too, is the best one for some weights, which a sum
    cannot say.

    Args:
        weights: None: the conditions ``preference_NAME``, which ``condition=preference`` draws; "components": the
            weight of each component.

    Reference: Miettinen, Nonlinear Multiobjective Optimization (1999), section 3.4.
    """

    title: ClassVar[str] = "Chebyshev distance"

    def of(self, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        return 1.0 - (w / w.max(axis=0) * (1.0 - y)).max(axis=0)
