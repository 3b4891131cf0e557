"""Runs to a table: mean and interval of every row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from molgfn.study.plan import Study
from molgfn.study.tidy import ordered

#: what a run costs
COST = ("reward_calls", "gradient_steps", "seconds")


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean, and half the width of its two-sided Student-t interval (NaN for a single value)."""
    x = np.asarray(values, dtype=float)
    if len(x) < 2:
        return float(x.mean()), math.nan
    half = stats.t.ppf((1 + level) / 2, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x))
    return float(x.mean()), float(half)


def by_row(study: Study, records: Iterable[dict[str, Any]], task: str = "") -> dict[str, list[dict[str, Any]]]:
    """Row name -> its records on a task in order of seeds, in the study's order of rows."""
    found: dict[str, list[dict[str, Any]]] = {row.name: [] for row in study.rows}
    for record in ordered(study, records):
        if record.get("task", "") == task:
            found[record["row"]].append(record)
    return found


def columns(study: Study, records: Iterable[dict[str, Any]]) -> list[str]:
    """The measures to show: those that the study names, else all."""
    if study.measures:
        return study.measures
    return list(dict.fromkeys(key for record in records for key in record["values"]))


def markdown(study: Study, records: list[dict[str, Any]]) -> str:
    """A table for each task: mean ± half of the 95 % t-interval over seeds; one number where all runs agree."""
    tables = []
    for task in study.all_tasks:
        table = _markdown(study, by_row(study, records, task.name), columns(study, records))
        tables.append(f"### {task.name}\n\n{table}" if task.name else table)
    return "\n".join(tables)


def _markdown(study: Study, rows: dict[str, list[dict[str, Any]]], names: list[str]) -> str:
    lines = ["| | " + " | ".join(names) + " | seeds |", "| --- |" + " ---: |" * (len(names) + 1)]
    for row, runs in rows.items():
        cells = [_cell([r["values"][n] for r in runs if r["values"].get(n) is not None]) for n in names]
        lines.append(f"| {row} | " + " | ".join(cells) + f" | {len(runs)} |")
    return "\n".join(lines) + "\n"


def combined(studies: Sequence[tuple[str, Study, list[dict[str, Any]]]]) -> str:
    """One table of several studies: for every row its first measure and its cost in each, on each of its tasks.

    Args:
        studies: (name, study, records) each.
    """
    rows = list(dict.fromkeys(row.name for _, study, _ in studies for row in study.rows))
    heads, cells = [], {name: [] for name in rows}
    for name, study, records in studies:
        shown = study.measures[:1] + [m for m in COST if m in study.measures[1:]]
        for task in study.all_tasks:
            place = f"{name}, {task.name}" if task.name else name
            heads += [f"{place}: {measure}" for measure in shown]
            found = by_row(study, records, task.name)
            for row in rows:
                runs = found.get(row, [])
                cells[row] += [_cell([r["values"][m] for r in runs if r["values"].get(m) is not None]) for m in shown]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    return "\n".join([*lines, *(f"| {row} | " + " | ".join(cells[row]) + " |" for row in rows)]) + "\n"


def _cell(values: list[float]) -> str:
    if not values:
        return "–"
    mean, half = interval(values)
    if math.isnan(half) or half == 0:
        return number(mean)
    digits = min(4, max(0, 1 - math.floor(math.log10(half)))) if half < 10 else 0
    return f"{mean:,.{digits}f} ± {half:,.{digits}f}"


def number(value: float) -> str:
    """As it stands in a cell."""
    return f"{value:,.0f}" if value == round(value) and abs(value) >= 10 else f"{value:.3g}"


def write_csv(study: Study, records: list[dict[str, Any]], path: Path) -> None:
    """One line per run, all measures."""
    names = list(dict.fromkeys(key for record in records for key in record["values"]))
    tasks = ["task"] if study.tasks else []
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*tasks, "row", "seed", *names])
        for record in ordered(study, records):
            place = [record[key] for key in (*tasks, "row", "seed")]
            writer.writerow([*place, *(record["values"].get(n, "") for n in names)])
