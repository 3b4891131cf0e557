"""The tables of an evaluation under several conditions: a row per condition, and a row per object under each."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from molgfn.evaluation.by_condition.measured import ByCondition


def condition_table(measured: ByCondition) -> str:
    """CSV, one row per condition: its raw numbers first, then what was measured under it; empty where it was not."""
    names = [name for name in measured.rows[0].numbers if any(not math.isnan(r.numbers[name]) for r in measured.rows)]
    rows = [
        [*(_number(row.condition[column]) for column in measured.columns), *(_number(row.numbers[n]) for n in names)]
        for row in measured.rows
    ]
    return _csv([*measured.columns, *names], rows)


def object_table(measured: ByCondition) -> str:
    """CSV, one row per different object under each condition, best log R first: condition, key, count, log R and value,
    ``objective_NAME`` (its desirability in [0, 1]) and the raw components.
    """
    first = measured.rows[0].samples
    objectives, components = list(first.objectives), list(first.components)
    rows: list[list[Any]] = []
    for row in measured.rows:
        s, given = row.samples, [_number(row.condition[column]) for column in measured.columns]
        if s.log_reward is None or s.value is None:
            continue
        numbers = [
            s.log_reward,
            s.value,
            *(s.objectives[n] for n in objectives),
            *(s.components[n] for n in components),
        ]
        for i in s.unique.tolist():
            rows.append([*given, s.keys[i], s.counts[s.keys[i]], *(_number(float(column[i])) for column in numbers)])
    header = [*measured.columns, first.kind.key_column, "count", "log_reward", "value"]
    return _csv([*header, *(f"objective_{name}" for name in objectives), *components], rows)


def _csv(header: list[str], rows: list[list[Any]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()


def _number(x: float) -> str:
    return "" if math.isnan(x) else repr(x)
