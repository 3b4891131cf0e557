"""What a reward is made of: one number for each object, out of measured properties (no torch: workers import it)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from molgfn.docstrings import attributes_in_docstring
from molgfn.objects.base import ObjectKind
from molgfn.oracles.base import Oracle
from molgfn.serving.panel import Panel

#: for objects that carry no condition
NO_CONDITION: Mapping[str, np.ndarray] = {}


@attributes_in_docstring
class Scalarisation(ABC):
    """A number that is computed from what oracles measure; it asks none of them itself.

    It stands where an oracle stands in a config, and is described by the same words.
    """

    #: the short name, and the name of the column of values
    name: ClassVar[str]
    #: every value lies in [low, high]
    range: ClassVar[tuple[float, float]]
    #: which way is better
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    #: physical units, "1" for none
    units: ClassVar[str] = "1"
    #: where the definition comes from
    source: ClassVar[str]
    #: names of the conditions that the number depends on, beside what was measured
    reads: frozenset[str] = frozenset()

    @abstractmethod
    def panel(self, recipe: Any = None) -> Panel:
        """The oracles that it reads; ``recipe`` is the node of the config that it was built from."""

    @abstractmethod
    def evaluate(
        self, values: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray] = NO_CONDITION
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The number of each object, float64 [B], and the columns that are shown beside it.

        Args:
            values: property -> float64 [B], for each of ``panel().properties``; NaN where there is none.
            condition: name -> float64 [B]; at least all of ``reads``. What reads none need not have this argument.

        Returns:
            Values, NaN where an object has none, and ``component_names`` -> float64 [B].
        """

    def achieved(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What objects have, whatever they were built for: objective -> desirability float64 [B] in [0, 1], under
        NAME, NaN where there is none, and its raw value under NAME_raw.

        The default has the one number itself, and nothing where that depends on a condition.

        Args:
            values: as in ``evaluate``.
        """
        if self.reads:
            return {}
        value, _ = evaluated(self, values)
        low, high = self.range
        desirable = 0 <= low <= high <= 1 and self.direction == "maximise"
        return {self.name: value if desirable else np.full(len(value), np.nan), f"{self.name}_raw": value}

    def absence(self, values: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray]) -> str:
        """Why one object of which something was measured has no number, in words that follow ``name``.

        Args:
            values: as in ``evaluate``, of one object.
            condition: as in ``evaluate``.
        """
        return "is nan"

    @property
    @abstractmethod
    def component_names(self) -> tuple[str, ...]:
        """Columns of ``evaluate``, in order."""

    @property
    def title(self) -> str:
        """What people call it, in reports and pictures."""
        return self.name.replace("_", " ")

    @property
    def kind(self) -> ObjectKind:
        """Which objects its oracles measure."""
        return self.panel().kind

    @property
    def remark_names(self) -> tuple[str, ...]:
        """Columns of what its oracles say in words."""
        return self.panel().remark_names

    @property
    def files(self) -> tuple[Path, ...]:
        """Data files that its oracles read."""
        return tuple(path for oracle in self.panel().oracles for path in oracle.files)


class OneProperty(Scalarisation):
    """The value of one oracle, as it is.

    Args:
        oracle: it is measured.
    """

    def __init__(self, *, oracle: Oracle) -> None:
        self.oracle = oracle
        self.name, self.range, self.direction = oracle.name, oracle.range, oracle.direction  # type: ignore[misc]
        self.units, self.source = oracle.units, oracle.source  # type: ignore[misc]

    def panel(self, recipe: Any = None) -> Panel:
        return Panel.of(self.oracle, recipe)

    def evaluate(
        self, values: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray] = NO_CONDITION
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return values[self.name], {name: values[name] for name in self.component_names}

    @property
    def component_names(self) -> tuple[str, ...]:
        return tuple(self.oracle.component_names)

    @property
    def title(self) -> str:
        return self.oracle.title


def scalarisation(of: Oracle | Scalarisation) -> Scalarisation:
    """An oracle as what is made of it alone; anything else as it is."""
    return OneProperty(oracle=of) if isinstance(of, Oracle) else of


def evaluated(
    of: Scalarisation, values: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray] = NO_CONDITION
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """``of.evaluate`` as it wants to be asked: one that reads no condition may know nothing of them."""
    return of.evaluate(values, condition) if of.reads else of.evaluate(values)
