"""A study as one self-contained HTML page: its table, a panel for each task and number, curves, figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

import molgfn
from molgfn.errors import DataError
from molgfn.evaluation.files import write_whole
from molgfn.evaluation.report.figures import MUTED, SERIES, figure_svg, inline_svg, legend_above, page_style
from molgfn.evaluation.report.sections.object_data import as_script
from molgfn.evaluation.report.tables import numbers, rows_with
from molgfn.evaluation.report.template import filled

#: of results and of curves
COLUMNS = ("task", "row", "seed", "metric", "value")
CURVE_COLUMNS = ("task", "row", "seed", "x", "y", "at", "value")
#: panels for each task
MOST_PANELS = 6
#: which way is better, in words
BETTER = {"maximise": "more is better", "minimise": "less is better"}


def write_study_page(
    results: pd.DataFrame,
    output: str | Path,
    *,
    name: str,
    curves: pd.DataFrame | None = None,
    figures: Mapping[str, str] | None = None,
    commands: tuple[str, ...] = (),
    table: str | None = None,
) -> Path:
    """Write the page of a study.

    Args:
        results: a line for each run and metric, with ``COLUMNS``; ``direction`` ("maximise", "minimise" or nothing) and
            ``units`` where they are known. ``task`` is "" throughout where there is one task.
        output: the page.
        name: title.
        curves: with ``CURVE_COLUMNS``: what was seen on the way, ``at`` x the value of y; None for none.
        figures: title -> SVG document of further figures.
        commands: lines that make the study again.
        table: metric by whose mean the rows of the table are sorted at first, as said there; None: the first one that
            has a direction.

    Raises:
        DataError: a column is missing, or there is no number.
    """
    _require(results, COLUMNS, "results")
    results = results.reset_index(drop=True)
    if curves is not None:
        _require(curves, CURVE_COLUMNS, "curves")
        curves = curves.reset_index(drop=True)
    if not np.isfinite(numbers(results, "value")).any():
        raise DataError("a study without a number has no page; run it first")
    tasks = [str(task) for task in dict.fromkeys(results["task"].astype(str))]
    known = _metrics(results)
    first = table or next((m for m, how in known.items() if how["direction"] in BETTER), next(iter(known)))
    panels = [
        {"task": task, "charts": [_panel(results, task, metric, how) for metric, how in _shown(results, task, known)]}
        for task in tasks
    ]
    if curves is not None:
        for panel in panels:
            panel["charts"] += _curves(curves, panel["task"])
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    page = filled(
        {
            "name": name,
            "version": molgfn.__version__,
            "facts": _facts(results, tasks),
            "objects": as_script(_table(results, tasks, known, first)),
            "first": known[first]["title"],
            "panels": [panel for panel in panels if panel["charts"]],
            "figures": [{"title": t, "svg": inline_svg(svg, t)} for t, svg in (figures or {}).items()],
            "commands": list(commands),
        },
        "study.html.j2",
    )
    write_whole(path, page)
    return path


def _parts(table: pd.DataFrame, columns: list[str]) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The rows of equal cells in ``columns`` with these cells, in the order in which they come first."""
    return [(place, part) for place, part in table.groupby(columns, sort=False)]  # type: ignore[misc]


def _of_task(table: pd.DataFrame, task: str) -> pd.DataFrame:
    return table.loc[np.flatnonzero(np.asarray(table["task"].astype(str) == task))].reset_index(drop=True)


def _require(table: pd.DataFrame, columns: tuple[str, ...], what: str) -> None:
    if missing := [name for name in columns if name not in table]:
        raise DataError(f"{what} of a study: no column {', '.join(missing)}")


def _facts(results: pd.DataFrame, tasks: list[str]) -> list[tuple[str, str]]:
    seeds = [len(set(part["seed"].tolist())) for _, part in _parts(results, ["task", "row"])]
    each = f"{min(seeds)}" if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"
    runs = sum(seeds)
    out = [("rows", str(results["row"].nunique())), ("seeds of each", each), ("runs", f"{runs:,}")]
    return [("tasks", str(len(tasks))), *out] if tasks != [""] else out


def _metrics(results: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Title and direction of each metric that has a number, in the order of the table."""
    out = {}
    for (metric,), rows in _parts(results, ["metric"]):
        if not np.isfinite(numbers(rows, "value")).any():
            continue
        direction, units = (_only(rows, column) for column in ("direction", "units"))
        title = str(metric) + (f" ({units})" if units not in ("", "1") else "")
        out[str(metric)] = {"direction": direction, "title": title}
    return out


def _only(rows: pd.DataFrame, column: str) -> str:
    found = [str(x) for x in rows[column].dropna().unique()] if column in rows else []
    return found[0] if len(found) == 1 else ""


def _shown(results: pd.DataFrame, task: str, known: dict[str, dict[str, str]]) -> list[tuple[str, dict[str, str]]]:
    there = _of_task(results, task)
    here = set(rows_with(there, "value")["metric"])
    return [(m, how) for m, how in known.items() if m in here and how["direction"] in BETTER][:MOST_PANELS]


def interval(values: np.ndarray) -> tuple[float, float]:
    """Mean of the finite ones among the values [K] and half of its 95 % t interval; NaN where it cannot be said."""
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return (float(values.mean()) if len(values) else float("nan")), float("nan")
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(half)


def _table(results: pd.DataFrame, tasks: list[str], known: dict[str, dict[str, str]], first: str) -> dict[str, Any]:
    """As the scripts of the page take it: a line for each task and row, a mean and half an interval for each metric."""
    places = [place for place, _ in _parts(results, ["task", "row"])]
    cells = {place: numbers(rows, "value") for place, rows in _parts(results, ["task", "row", "metric"])}
    nothing = np.zeros(0)
    found = {m: [interval(cells.get((*place, m), nothing)) for place in places] for m in known}
    sign = -1 if known[first]["direction"] != "minimise" else 1
    means = np.array([mean for mean, _ in found[first]])
    order = sorted(
        range(len(places)), key=lambda i: (tasks.index(str(places[i][0])), np.isnan(means[i]), sign * means[i])
    )

    def column(name: str, title: str, values: list[float]) -> dict[str, Any]:
        return {"name": name, "title": title, "values": [_short(values[i]) for i in order]}

    columns = []
    for metric, how in known.items():
        columns.append(column(metric, how["title"], [mean for mean, _ in found[metric]]))
        if any(half == half for _, half in found[metric]):
            columns.append(column(f"{metric} ±", f"± {how['title']}", [half for _, half in found[metric]]))
    task = {"name": "task", "title": "task", "values": [str(places[i][0]) for i in order]}
    return {
        "kind": "row",
        "key": "row",
        "keys": [str(places[i][1]) for i in order],
        "columns": columns,
        "texts": [task] if tasks != [""] else [],
        "svg": [],
        "structures": [],
        "map": None,
    }


def _short(x: float) -> float | None:
    return float(f"{x:.4g}") if np.isfinite(x) else None


def _panel(results: pd.DataFrame, task: str, metric: str, how: dict[str, str]) -> dict[str, str]:
    """Every seed, the mean and its interval, of each row."""
    here = _of_task(results, task)
    here = here.loc[np.flatnonzero(np.asarray(here["metric"] == metric))].reset_index(drop=True)
    rows = [(str(row), numbers(part, "value")) for (row,), part in _parts(here, ["row"])]
    title = f"{how['title']}: {BETTER[how['direction']]}"
    with mpl.rc_context(page_style(f"{task} {title}")):
        figure = Figure(figsize=(4.6, 0.8 + 0.26 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        for place, (_, values) in enumerate(rows):
            mean, half = interval(values)
            axes.plot(values, np.full(len(values), place), color=MUTED, lw=0, marker="o", ms=3, alpha=0.6)
            if half == half:
                axes.plot([mean - half, mean + half], [place, place], color=SERIES[0], lw=2)
            axes.plot([mean], [place], color=SERIES[0], lw=0, marker="D", ms=4.5)
        axes.set_yticks(range(len(rows)), [row for row, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(how["title"])
        return {"title": title, "svg": figure_svg(figure, title)}


def _curves(curves: pd.DataFrame, task: str) -> list[dict[str, str]]:
    """For each number that was followed the mean over seeds of each row, with its range."""
    out = []
    here = _of_task(curves, task)
    for (x, y), part in _parts(here, ["x", "y"]):
        title = f"{y} against {x}"
        with mpl.rc_context(page_style(f"{task} {title}")):
            figure = Figure(figsize=(4.6, 3.0), layout="constrained")
            axes = figure.add_subplot()
            for i, ((row,), lines) in enumerate(_parts(part, ["row"])):
                points = [(at, numbers(seeds, "value")) for (at,), seeds in _parts(lines.sort_values("at"), ["at"])]
                at = np.array([x for x, _ in points], dtype=np.float64)
                low, mean, high = (np.array([f(values) for _, values in points]) for f in (np.min, np.mean, np.max))
                colour, style = SERIES[i % len(SERIES)], ("-", "--", ":", "-.")[i // len(SERIES) % 4]
                axes.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
                axes.plot(at, mean, color=colour, ls=style, lw=1.6, label=str(row))
            axes.set_xlabel(str(x))
            axes.margins(x=0.01)
            legend_above(axes)
            out.append({"title": title, "svg": figure_svg(figure, title)})
    return out
