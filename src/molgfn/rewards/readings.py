"""The values of measured objects: what a scalarisation makes of them, and whom it has none for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from molgfn.oracles.base import Oracle
from molgfn.rewards.scalarisation import NO_CONDITION, Scalarisation, evaluated, scalarisation
from molgfn.serving.measurements import Measurements
from molgfn.serving.service import Service
from molgfn.serving.settings import Scoring


@dataclass(frozen=True)
class Reading:
    """Values of B objects, before any reward is made of them.

    Attributes:
        value: float64 [B], NaN without a value.
        components: name -> float64 [B], the columns that are shown beside it.
        problems: B entries: None, or the named reason why there is no value.
        late: those of the reasons that came up here, row -> reason: what was measured is there.
    """

    value: np.ndarray
    components: dict[str, np.ndarray]
    problems: list[str | None]
    late: dict[int, str]


def read(of: Scalarisation, measurements: Measurements, condition: Mapping[str, np.ndarray] = NO_CONDITION) -> Reading:
    """The values of measured objects [B]; never raises for the sake of one object.

    A transform of the user's own may raise, or give what is no value: that costs the object its value.

    Args:
        of: what is made of what was measured.
        measurements: of the objects.
        condition: name -> float64 [B], of each object; at least all of ``of.reads``.
    """
    arrays, names = measurements.arrays, of.component_names

    def columns(rows: slice) -> list[np.ndarray]:
        value, beside = evaluated(of, _of_rows(arrays, rows), _of_rows(condition, rows))
        return [value, *(beside[name] for name in names)]

    (value, *shown), raised = one_by_one(columns, len(measurements), 1 + len(names))
    problems, late = list(measurements.problems), {}
    low, high = of.range
    wrong = np.flatnonzero(~(np.isfinite(value) & (low <= value) & (value <= high)))
    for row in wrong.tolist():
        if problems[row] is None:
            late[row] = problems[row] = f"{of.name} {raised.get(row) or _wrong(of, value[row], arrays, condition, row)}"
    if len(wrong):
        value = value.copy()
        value[wrong] = np.nan
    return Reading(value, dict(zip(names, shown, strict=True)), problems, late)


def _wrong(
    of: Scalarisation, value: float, arrays: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray], row: int
) -> str:
    """Why a number is no value, in words that follow the name of what made it."""
    low, high = of.range
    if not np.isnan(value):
        return f"is {value:.6g}, outside [{low:g}, {high:g}]"
    one = slice(row, row + 1)
    return of.absence(_of_rows(arrays, one), _of_rows(condition, one))


def _of_rows(columns: Mapping[str, np.ndarray], rows: slice) -> dict[str, np.ndarray]:
    return {name: column[rows] for name, column in columns.items()}


def one_by_one(
    compute: Callable[[slice], list[np.ndarray]], n: int, width: int
) -> tuple[list[np.ndarray], dict[int, str]]:
    """``compute(rows)`` for n rows, ``width`` columns; where it raises, row by row: NaN and words for the culprits."""
    try:
        return compute(slice(None)), {}
    except Exception:
        out, raised = [np.full(n, np.nan) for _ in range(width)], {}
        for row in range(n):
            try:
                for column, cell in zip(out, compute(slice(row, row + 1)), strict=True):
                    column[row] = cell[0]
            except Exception as error:
                raised[row] = f"raised {type(error).__name__}: {error}"
        return out, raised


class Readings:
    """Measures finished objects and reads their values, without any reward.

    Args:
        oracle: an oracle, or what is made of several.
        scoring: how oracles are asked; None for the defaults.
    """

    def __init__(self, *, oracle: Oracle | Scalarisation, scoring: Scoring | None = None) -> None:
        self.oracle = oracle
        self.scalarisation = scalarisation(oracle)
        self.service = Service(oracle=oracle, scoring=scoring)

    def __call__(
        self, objects: Any, keys: list[str], condition: Mapping[str, np.ndarray] = NO_CONDITION
    ) -> tuple[Measurements, Reading]:
        """What was measured of objects [B], and their values; those that have none are counted.

        Args:
            objects: of the oracle's kind.
            keys: one per object.
            condition: as in ``read``.
        """
        measurements = self.service(objects, keys)
        reading = read(self.scalarisation, measurements, condition)
        for text in reading.late.values():
            self.service.fail(text, answered=True)
        return measurements, reading
