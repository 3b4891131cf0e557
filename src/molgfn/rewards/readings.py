"""The values of measured objects: what a scalarisation makes of them, and whom it has none for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from molgfn.oracles.base import Oracle
from molgfn.rewards.scalarisation import Scalarisation, scalarisation
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


def read(of: Scalarisation, measurements: Measurements) -> Reading:
    """The values of measured objects [B]; never raises for the sake of one object.

    A transform of the user's own may raise, or give what is no value: that costs the object its value.
    """
    n, names = len(measurements), of.component_names
    arrays = measurements.arrays
    table, raised = one_by_one(lambda rows: _table(of, {k: v[rows] for k, v in arrays.items()}), n, 1 + len(names))
    problems = list(measurements.problems)
    late = {row: f"{of.name} {text}" for row, text in raised.items() if problems[row] is None}
    low, high = of.range
    value = table[:, 0]
    wrong = ~(np.isfinite(value) & (low <= value) & (value <= high))
    for row in np.flatnonzero(wrong).tolist():
        if problems[row] is None and row not in late:
            where = "" if np.isnan(value[row]) else f", outside [{low:g}, {high:g}]"
            late[row] = f"{of.name} is {value[row]:.6g}{where}"
    for row, text in late.items():
        problems[row] = text
    value = np.where([problem is None for problem in problems], value, np.nan) if n else value
    return Reading(value, {name: table[:, 1 + i] for i, name in enumerate(names)}, problems, late)


def one_by_one(compute: Callable[[np.ndarray], np.ndarray], n: int, width: int) -> tuple[np.ndarray, dict[int, str]]:
    """``compute(rows)`` [n, width] for n rows; where it raises, row by row, with NaN and the words for the culprits."""
    rows = np.arange(n)
    try:
        return compute(rows), {}
    except Exception:
        out, raised = np.full((n, width), np.nan), {}
        for row in rows.tolist():
            try:
                out[row] = compute(rows[row : row + 1])[0]
            except Exception as error:
                raised[row] = f"raised {type(error).__name__}: {error}"
        return out, raised


def _table(of: Scalarisation, values: dict[str, np.ndarray]) -> np.ndarray:
    value, columns = of.evaluate(values)
    return np.stack([value, *(columns[name] for name in of.component_names)], axis=1)


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

    def __call__(self, objects: Any, keys: list[str]) -> tuple[Measurements, Reading]:
        """What was measured of objects [B], and their values; those that have none are counted."""
        measurements = self.service(objects, keys)
        reading = read(self.scalarisation, measurements)
        for text in reading.late.values():
            self.service.fail(text, answered=True)
        return measurements, reading
