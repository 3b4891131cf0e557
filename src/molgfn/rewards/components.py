"""Named components out of which one number is made: their columns, and what each of them is worth."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.rewards.scalarisation import NO_CONDITION, Scalarisation, evaluated, scalarisation
from molgfn.rewards.transforms import Identity, Transform
from molgfn.serving.panel import Panel


class Component:
    """One property of several that are made one number (``WeightedMean``, ``Objectives``).

    Args:
        oracle: measures the property; or what is made of several, such as another mean.
        transform: maps it to a desirability in [0, 1]; None where the oracle's range lies in [0, 1] and more is better.
        weight: its share; weights are normalised.
        filter: multiply the number by this desirability, usually 0 or 1 (``Step``), instead of averaging it.

    Attributes:
        reads: names of the conditions that its value or its transform depends on.
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
        self.reads = self.scalarisation.reads | self.transform.reads

    def measured(
        self, values: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray] = NO_CONDITION
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Its raw value, float64 [B], and what that was made of; as ``Scalarisation.evaluate``."""
        return evaluated(self.scalarisation, values, condition)

    def desirability(self, value: np.ndarray, condition: Mapping[str, np.ndarray] = NO_CONDITION) -> np.ndarray:
        """What raw values are worth, float64 [B], NaN where there is none."""
        return self.transform.under(value, condition) if self.transform.reads else self.transform(value)


@attributes_in_docstring
class Composed(Scalarisation):
    """What is made of named components: columns, panel and desirabilities; what number comes of these, its class says.

    Columns of component NAME: its raw value NAME, its desirability NAME_transformed, and NAME_PART for each part of an
    oracle that has several (the mean and standard deviation of a ``Proxy``).

    Args:
        components: name -> component; at least one that is no filter.

    Raises:
        ConfigError: none but filters, different kinds of objects, or two columns of one name.
    """

    #: what messages say of components that are all filters
    nothing: ClassVar[str] = "there is nothing to average"

    def __init__(self, *, components: dict[str, Component]) -> None:
        where = f"{type(self).__name__}.components"
        if all(c.filter for c in components.values()):
            raise ConfigError(f"{where}: {self.nothing}; give at least one without filter")
        kinds = {name: c.oracle.kind.name for name, c in components.items()}
        if len({c.oracle.kind for c in components.values()}) > 1:
            raise ConfigError(f"{where}: all must measure the same kind of object, these do not: {kinds}")
        names = [column for name, c in components.items() for column in _columns(name, c.scalarisation)]
        names += [_column(n, c.scalarisation, word) for n, c in components.items() for word in c.oracle.remark_names]
        if clash := sorted({column for column in names if names.count(column) > 1}):
            raise ConfigError(
                f"{where}: {', '.join(clash)}: two columns would be called so: component NAME has "
                "the column NAME_transformed, too, and NAME_PART for each part of its oracle; choose other names"
            )
        self.components = components
        self.reads = frozenset().union(*(c.reads for c in components.values()))
        #: those that are no filter, in order
        self.objective_names = tuple(name for name, c in components.items() if not c.filter)
        self.filter_names = tuple(name for name, c in components.items() if c.filter)
        # asked for every batch and always the same
        scalarised = {name: c.scalarisation for name, c in components.items()}
        self._names = tuple(column for name, inner in scalarised.items() for column in _columns(name, inner))
        self._reads = {
            name: [(own, _column(name, inner, own)) for own in inner.panel().properties]
            for name, inner in scalarised.items()
        }
        self._beside = {
            name: [(_column(name, inner, part), part) for part in _parts(inner)] for name, inner in scalarised.items()
        }

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

    @abstractmethod
    def combine(
        self, worth: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray] = NO_CONDITION
    ) -> np.ndarray:
        """One number of the desirabilities of all components, name -> float64 [B]; filters are applied afterwards."""

    def evaluate(
        self, values: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray] = NO_CONDITION
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The number, and for each component its value (``name``), its desirability (``name_transformed``), and what
        the value was made of (``name_part``).
        """
        columns: dict[str, np.ndarray] = {}
        worth: dict[str, np.ndarray] = {}
        for name, component in self.components.items():
            raw, parts = component.measured(self._own(name, values), condition)
            columns[name] = raw
            columns[f"{name}_transformed"] = worth[name] = component.desirability(raw, condition)
            for column, part in self._beside[name]:
                columns[column] = parts[part]
        number = self.combine(worth, condition)
        for name in self.filter_names:
            number = number * worth[name]
        return number, columns

    def achieved(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See ``Scalarisation``; of each component that is no filter. A desirability that depends on a condition is
        NaN; so is the raw value of a component that depends on one.
        """
        columns: dict[str, np.ndarray] = {}
        for name in self.objective_names:
            component = self.components[name]
            own = self._own(name, values)
            nothing = np.full(len(next(iter(own.values()))), np.nan)
            raw = nothing if component.scalarisation.reads else component.measured(own)[0]
            columns[name] = nothing if component.transform.reads else component.desirability(raw)
            columns[f"{name}_raw"] = raw
        return columns

    def _own(self, name: str, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What was measured for component ``name``, under the names that it knows itself."""
        return {own: values[column] for own, column in self._reads[name]}

    def _have_values(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Whether a component that is no filter has a value for an object, and all filters have, bool [B]."""
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


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
