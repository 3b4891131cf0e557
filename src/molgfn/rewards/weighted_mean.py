"""Several measured properties as one number: a weighted geometric or arithmetic mean of what each is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from molgfn.rewards.components import Component as Component
from molgfn.rewards.components import Composed, listed
from molgfn.rewards.scalarisation import NO_CONDITION

#: the geometric mean takes no desirability for smaller than this, so that one zero does not hide the others
GEOMETRIC_CLIP = 1e-8


class WeightedMean(Composed):
    """y = [prod over filters] * mean over the other components of the transformed properties, in [0, 1].

    geometric: exp(sum_i w_i log max(y_i, 1e-8)); arithmetic: sum_i w_i y_i; with sum_i w_i = 1 over the components that
    have a value for the object. A component that is NaN for an object is left out for it; an object for which all
    averaged components, or any filter, is NaN has no value. An oracle that raises, or leaves its range, costs the
    object its value: only a stated NaN means "does not apply".

    Columns of component NAME: its raw value NAME, its desirability NAME_transformed, and NAME_PART for each part of an
    oracle that has several (the mean and standard deviation of a ``Proxy``).

    Args:
        components: name -> component; at least one that is no filter.
        aggregation: which mean.

    Reference:
        The conventions of REINVENT 4, doi:10.1186/s13321-024-00812-5.
    """

    name: ClassVar[str] = "weighted_mean"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    source: ClassVar[str] = "weighted mean as in REINVENT 4, doi:10.1186/s13321-024-00812-5"

    def __init__(
        self,
        *,
        components: dict[str, Component],
        aggregation: Literal["geometric", "arithmetic"] = "geometric",
    ) -> None:
        super().__init__(components=components)
        self.aggregation = aggregation
        self._weights = np.array([components[name].weight for name in self.objective_names])[:, None]

    @property
    def title(self) -> str:
        """``geometric mean of qed and sa``, with what it is filtered by."""
        names = {kind: [n.replace("_", " ") for n, c in self.components.items() if c.filter == kind] for kind in (0, 1)}
        mean = f"{self.aggregation} mean of " if len(names[0]) > 1 else ""
        return mean + listed(names[0]) + (f", filtered by {listed(names[1])}" if names[1] else "")

    def combine(
        self, worth: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray] = NO_CONDITION
    ) -> np.ndarray:
        """The mean of what is averaged, float64 [B]; NaN where nothing is there."""
        y = np.array([worth[name] for name in self.objective_names])
        weights, absent = np.repeat(self._weights, y.shape[1], axis=1), np.isnan(y)
        some = absent.any()
        if some:
            weights[absent], y[absent] = 0.0, 1.0
        geometric = self.aggregation == "geometric"
        sums = (weights * (np.log(np.maximum(y, GEOMETRIC_CLIP)) if geometric else y)).sum(axis=0)
        total = weights.sum(axis=0)
        mean = np.divide(sums, total, out=np.full(y.shape[1], np.nan), where=total > 0) if some else sums / total
        return np.minimum(np.maximum(np.exp(mean) if geometric else mean, 0.0), 1.0)
