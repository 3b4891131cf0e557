"""Which oracles are asked about each object, and what their numbers are called (no torch: workers use it)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from molgfn.objects.base import ObjectKind
from molgfn.oracles.base import Oracle


@dataclass(frozen=True)
class Entry:
    """One oracle of a panel.

    Attributes:
        oracle: it is asked.
        value: the property that its values are.
        parts: the property of each of ``oracle.component_names``.
        remarks: the column of each of ``oracle.remark_names``.
        recipe: what the oracle was built from, plain data; None where nothing says so.
    """

    oracle: Oracle
    value: str
    parts: tuple[str, ...]
    remarks: tuple[str, ...]
    recipe: Any = None

    @classmethod
    def of(cls, oracle: Oracle, recipe: Any = None) -> Entry:
        """An oracle that is asked for its own sake."""
        return cls(oracle, oracle.name, tuple(oracle.component_names), tuple(oracle.remark_names), recipe)

    @property
    def columns(self) -> tuple[str, ...]:
        """The property of each number of an answer; a part of the oracle's own name is the value once more."""
        return (self.value, *self.parts)

    def renamed(self, name: Callable[[str], str]) -> Entry:
        """The same oracle with other names."""
        parts, remarks = tuple(map(name, self.parts)), tuple(map(name, self.remarks))
        return replace(self, value=name(self.value), parts=parts, remarks=remarks)


@dataclass(frozen=True)
class Panel:
    """Oracles that are asked about the same objects.

    Attributes:
        name: of what is made of their values, for messages.
        entries: in the order in which they are asked; after one that fails for an object, the others are not.
        has_value: from property -> float64 [B] to bool [B]: whether enough is there for an object to have a value.
        apart: one that fails for an object has NaN, and the others are asked all the same.
    """

    name: str
    entries: tuple[Entry, ...]
    has_value: Callable[[Mapping[str, np.ndarray]], np.ndarray]
    apart: bool = False

    @classmethod
    def of(cls, oracle: Oracle, recipe: Any = None) -> Panel:
        """One oracle alone: what it has no number for has no value."""
        return cls(oracle.name, (Entry.of(oracle, recipe),), lambda values: ~np.isnan(values[oracle.name]))

    def __post_init__(self) -> None:
        columns = [column for entry in self.entries for column in dict.fromkeys(entry.columns)]
        if clash := sorted({column for column in columns if columns.count(column) > 1}):
            raise ValueError(f"{self.name}: two properties are called {', '.join(clash)}")

    def called(self, name: str) -> Panel:
        """The same for something of another name."""
        return replace(self, name=name)

    @property
    def oracles(self) -> tuple[Oracle, ...]:
        return tuple(entry.oracle for entry in self.entries)

    @property
    def kind(self) -> ObjectKind:
        """Which objects they measure."""
        return self.entries[0].oracle.kind

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of all numbers, each once."""
        return tuple(dict.fromkeys(column for entry in self.entries for column in entry.columns))

    @property
    def remark_names(self) -> tuple[str, ...]:
        return tuple(name for entry in self.entries for name in entry.remarks)


class HasPanel(Protocol):
    """What is made of several measured properties."""

    def panel(self, recipe: Any = None) -> Panel:
        """The oracles that it reads; ``recipe`` is what it was built from, plain data."""
        ...


def panel_of(measured: Oracle | HasPanel, recipe: Any = None) -> Panel:
    """The oracles to ask for the sake of an oracle, or of what is made of several."""
    return Panel.of(measured, recipe) if isinstance(measured, Oracle) else measured.panel(recipe)
