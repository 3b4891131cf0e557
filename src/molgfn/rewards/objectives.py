"""Several objectives as one number, by an aggregation that is chosen by name and may depend on a condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from molgfn.errors import ConfigError
from molgfn.rewards.aggregations.base import Aggregation
from molgfn.rewards.aggregations.weighted import WeightedSum
from molgfn.rewards.components import Component, Composed, listed
from molgfn.rewards.scalarisation import NO_CONDITION
from molgfn.serving.panel import Panel


class Objectives(Composed):
    """y = [prod over filters] * aggregation of the desirabilities of the other components, the objectives, in [0, 1].

    An oracle that fails for an object, or has no value for it, costs the object its value under those conditions that
    read it (a weight above 0, an order that comes to it), and under no other. What a filter has no value for has none.

    Columns of component NAME: its raw value NAME, its desirability NAME_transformed, and NAME_PART for each part of an
    oracle that has several.

    Args:
        components: name -> component; at least one that is no filter. Their weights are those of the scalarisation
            where it takes fixed ones.
        scalarisation: makes one number of the objectives (``configs/scalarisation``); None: their sum, by
            the weights of the components.

    Raises:
        ConfigError: components that do not go together, or do not fit the scalarisation.

    Attributes:
        objective_names: components that are no filter, in order; so are the columns of a condition on them.
    """

    name: ClassVar[str] = "objectives"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    source: ClassVar[str] = "as its components say"
    nothing: ClassVar[str] = "there is no objective"

    def __init__(self, *, components: dict[str, Component], scalarisation: Aggregation | None = None) -> None:
        super().__init__(components=components)
        self.scalarisation = WeightedSum(weights="components") if scalarisation is None else scalarisation
        self._weights = {name: components[name].weight for name in self.objective_names}
        if problem := self.scalarisation.problem(self._weights):
            raise ConfigError(f"scalarisation: {type(self.scalarisation).__name__}: {problem}")
        self.reads |= self.scalarisation.reads(self.objective_names)

    @property
    def title(self) -> str:
        """``weighted sum of qed and sa``, with what it is filtered by."""
        names = [name.replace("_", " ") for name in self.objective_names]
        filters = [name.replace("_", " ") for name in self.filter_names]
        return f"{self.scalarisation.title} of {listed(names)}" + (
            f", filtered by {listed(filters)}" if filters else ""
        )

    def panel(self, recipe: Any = None) -> Panel:
        return replace(super().panel(recipe), apart=True)

    def combine(
        self, worth: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray] = NO_CONDITION
    ) -> np.ndarray:
        objectives = {name: worth[name] for name in self.objective_names}
        return self.scalarisation(objectives, self._weights, condition)

    @property
    def orders(self) -> bool:
        """Only the order of objects counts, by all objectives."""
        return self.scalarisation.orders

    def ordered_by(self, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What objects are worth in each objective, 0 in all where a filter is 0: objective -> float64 [B].

        Args:
            columns: as ``evaluate`` gives them.
        """
        passed = [columns[f"{name}_transformed"] for name in self.filter_names]
        return {n: np.prod([columns[f"{n}_transformed"], *passed], axis=0) for n in self.objective_names}

    def absence(self, values: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray]) -> str:
        absent = [name for name in self.components if np.isnan(self._own_value(name, values, condition)).any()]
        return f"has no value of {listed(absent)}" if absent else "is nan"

    def _own_value(
        self, name: str, values: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        component = self.components[name]
        return component.desirability(component.measured(self._own(name, values), condition)[0], condition)
