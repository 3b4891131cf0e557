"""Several measured properties as one number: a weighted geometric or arithmetic mean of what each is worth."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.rewards.scalarisation import Scalarisation, scalarisation
from molgfn.rewards.transforms import Identity, Transform
from molgfn.serving.panel import Panel

#: the geometric mean takes no desirability for smaller than this, so that one zero does not hide the others
GEOMETRIC_CLIP = 1e-8


class Component:
    """One property of a ``WeightedMean``.

    Args:
        oracle: measures the property; or what is made of several, such as another mean.
        transform: maps it to a desirability in [0, 1]; None where the oracle's range lies in [0, 1] and more is better.
        weight: its share; weights are normalised over the components that have a value.
        filter: multiply the mean by this desirability, usually 0 or 1 (``Step``), instead of averaging it.
    """

    def __init__(
        self,
        *,
        oracle: Oracle | Scalarisation,
        transform: Transform | None = None,
        weight: Annotated[float, Field(gt=0)] = 1.0,
        filter: bool = False,
    ) -> None:
        low, high = oracle.range
        if filter and weight != 1.0:
            raise ConfigError(
                f"component {oracle.name}: a filter is not averaged, so it takes no weight (got {weight})"
            )
        if transform is None and oracle.direction == "minimise":
            raise ConfigError(
                f"component {oracle.name}: less of it is better, so it needs a falling transform, such as "
                "{_target_: molgfn.rewards.transforms.Linear, low: <worst>, high: <best>}"
            )
        if (transform is None or not transform.bounded) and not 0 <= low <= high <= 1:
            raise ConfigError(
                f"component {oracle.name}: its values lie in [{low:g}, {high:g}], so it needs a transform into [0, 1], "
                "such as {_target_: molgfn.rewards.transforms.Sigmoid, low: ..., high: ...}"
            )
        self.oracle = oracle
        self.scalarisation = scalarisation(oracle)
        self.transform = transform if transform is not None else Identity()
        self.weight = weight
        self.filter = filter


class WeightedMean(Scalarisation):
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
        if all(c.filter for c in components.values()):
            raise ConfigError("WeightedMean.components: there is nothing to average; give at least one without filter")
        kinds = {name: c.oracle.kind.name for name, c in components.items()}
        if len({c.oracle.kind for c in components.values()}) > 1:
            raise ConfigError(
                f"WeightedMean.components: all must measure the same kind of object, these do not: {kinds}"
            )
        names = [column for name, c in components.items() for column in _columns(name, c.scalarisation)]
        names += [_column(n, c.scalarisation, word) for n, c in components.items() for word in c.oracle.remark_names]
        if clash := sorted({column for column in names if names.count(column) > 1}):
            raise ConfigError(
                f"WeightedMean.components: {', '.join(clash)}: two columns would be called so: component NAME has "
                "the column NAME_transformed, too, and NAME_PART for each part of its oracle; choose other names"
            )
        self.components = components
        self.aggregation = aggregation
        # asked for every batch and always the same: names of what is read and shown, and weights
        scalarised = {name: c.scalarisation for name, c in components.items()}
        self._names = tuple(column for name, inner in scalarised.items() for column in _columns(name, inner))
        self._reads = {
            name: [(own, _column(name, inner, own)) for own in inner.panel().properties]
            for name, inner in scalarised.items()
        }
        self._beside = {
            name: [(_column(name, inner, part), part) for part in _parts(inner)] for name, inner in scalarised.items()
        }
        self._averaged = [name for name, c in components.items() if not c.filter]
        self._filters = [name for name, c in components.items() if c.filter]
        self._weights = np.array([components[name].weight for name in self._averaged])[:, None]

    @property
    def title(self) -> str:
        """``geometric mean of qed and sa``, with what it is filtered by."""
        names = {kind: [n.replace("_", " ") for n, c in self.components.items() if c.filter == kind] for kind in (0, 1)}
        mean = f"{self.aggregation} mean of " if len(names[0]) > 1 else ""
        return mean + _listed(names[0]) + (f", filtered by {_listed(names[1])}" if names[1] else "")

    @property
    def component_names(self) -> tuple[str, ...]:
        return self._names

    def panel(self, recipe: Any = None) -> Panel:
        entries = []
        for name, component in self.components.items():
            inner = component.scalarisation
            node = recipe["components"][name]["oracle"] if isinstance(recipe, Mapping) else None
            rename = functools.partial(_column, name, inner)
            entries += [entry.renamed(rename) for entry in inner.panel(node).entries]
        return Panel(self.name, tuple(entries), self._have_values)

    def evaluate(self, values: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The mean, and for each component its value (``name``), its desirability (``name_transformed``), and what the
        value was made of (``name_part``).
        """
        columns: dict[str, np.ndarray] = {}
        for name, component in self.components.items():
            raw, parts = component.scalarisation.evaluate(self._own(name, values))
            columns[name] = raw
            columns[f"{name}_transformed"] = component.transform(raw)
            for column, part in self._beside[name]:
                columns[column] = parts[part]
        mean = self._mean(np.array([columns[f"{name}_transformed"] for name in self._averaged]))
        for name in self._filters:
            mean = mean * columns[f"{name}_transformed"]
        return mean, columns

    def _mean(self, y: np.ndarray) -> np.ndarray:
        """Of what is averaged, float64 [components, B] -> [B]; NaN where nothing is there."""
        weights, absent = np.repeat(self._weights, y.shape[1], axis=1), np.isnan(y)
        some = absent.any()
        if some:
            weights[absent], y[absent] = 0.0, 1.0
        geometric = self.aggregation == "geometric"
        sums = (weights * (np.log(np.maximum(y, GEOMETRIC_CLIP)) if geometric else y)).sum(axis=0)
        total = weights.sum(axis=0)
        mean = np.divide(sums, total, out=np.full(y.shape[1], np.nan), where=total > 0) if some else sums / total
        return np.minimum(np.maximum(np.exp(mean) if geometric else mean, 0.0), 1.0)

    def _own(self, name: str, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What was measured for component ``name``, under the names that it knows itself."""
        return {own: values[column] for own, column in self._reads[name]}

    def _have_values(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Whether an averaged component has a value for an object, and all filters have, bool [B]."""
        have = {filters: [] for filters in (False, True)}
        for name, component in self.components.items():
            inner = component.scalarisation
            have[component.filter].append(inner.panel().has_value(self._own(name, values)))
        return np.any(have[False], axis=0) & np.all(have[True] or [True], axis=0)


def _parts(inner: Scalarisation) -> tuple[str, ...]:
    """What a component's value was made of, without the value itself."""
    return tuple(part for part in inner.component_names if part != inner.name)


def _column(name: str, inner: Scalarisation, part: str) -> str:
    """The column of a part of component ``name``: of ``alerts_found`` of ``Alerts`` as ``clean``, ``clean_found``; of
    its value, its own name.
    """
    return name if part == inner.name else f"{name}_{part.removeprefix(f'{inner.name}_')}"


def _columns(name: str, inner: Scalarisation) -> list[str]:
    """Columns of numbers of component ``name``."""
    return [name, f"{name}_transformed", *(_column(name, inner, part) for part in _parts(inner))]


def _listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
