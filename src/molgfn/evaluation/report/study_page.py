"""A study as one self-contained HTML page: its table, a panel for each task and number, curves, figures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

import molgfn
from molgfn.errors import DataError
from molgfn.evaluation.files import write_whole
from molgfn.evaluation.report.figures import MUTED, SERIES, figure_svg, inline_svg, legend_above, page_style
from molgfn.evaluation.report.sections.labels import LOGGED
from molgfn.evaluation.report.sections.object_data import as_script
from molgfn.evaluation.report.summary import number
from molgfn.evaluation.report.tables import numbers, rows_with
from molgfn.evaluation.report.template import filled

#: of results and of curves
COLUMNS = ("task", "row", "seed", "metric", "value")
CURVE_COLUMNS = ("task", "row", "seed", "x", "y", "at", "value")
#: panels for each task
MOST_PANELS = 6
#: rows in one chart of curves
MOST_CURVES = 8
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
    first: str | None = None,
    groups: Mapping[tuple[str, str], Mapping[str, Sequence[str]]] | None = None,
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
        first: metric by whose mean the rows of the table are sorted at first, as said there; None: the first one that
            has a direction.
        groups: of curves, (x, y) -> title -> rows: a chart of each group. Where there are none, there are charts of
            ``MOST_CURVES`` rows each.

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
    first = first or next((m for m, how in known.items() if how["direction"] in BETTER), next(iter(known)))
    known = {first: known[first], **known}
    panels = []
    for task in tasks:
        shown, same = _shown(results, task, known)
        charts = [_panel(results, task, metric, how) for metric, how in shown.items()]
        charts += _curves(curves, task, groups or {}) if curves is not None else []
        panels.append({"task": task, "charts": charts, "same": ", ".join(f"{t} {x}" for t, x in same.items())})
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
            "figures": [_figure(i, t, svg) for i, (t, svg) in enumerate((figures or {}).items())],
            "commands": list(commands),
        },
        "study.html.j2",
    )
    write_whole(path, page)
    return path


def _figure(place: int, title: str, svg: str) -> dict[str, str]:
    """A figure of others, its ids made its own: a page may have several."""
    own = re.sub(r"(\bid=[\"']|url\(#|href=[\"']#)", rf"\1figure-{place}-", svg)
    return {"title": title, "svg": inline_svg(own, title)}


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


def _shown(
    results: pd.DataFrame, task: str, known: dict[str, dict[str, str]]
) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """The metrics with a panel; and title -> number of those that are the same in every run, which need none."""
    shown, same = {}, {}
    for (metric,), rows in _parts(rows_with(_of_task(results, task), "value"), ["metric"]):
        values = numbers(rows, "value")
        how = known.get(str(metric), {"direction": ""})
        if how["direction"] not in BETTER:
            continue
        if len(values) > 1 and np.ptp(values) == 0:
            same[how["title"]] = number(values[0])
        else:
            shown[str(metric)] = how
    ordered = {metric: shown[metric] for metric in known if metric in shown}
    return dict(islice(ordered.items(), MOST_PANELS)), same


def interval(values: np.ndarray) -> tuple[float, float]:
    """Mean of the finite ones among the values [K] and half of its 95 % t interval; NaN where it cannot be said."""
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return (float(values.mean()) if len(values) else float("nan")), float("nan")
    if np.ptp(values) == 0:  # without what rounding leaves
        return float(values[0]), 0.0
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
        if any(half > 0 for _, half in found[metric]):
            columns[-1]["half"] = [_short(found[metric][i][1]) for i in order]
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
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(how["title"])
        return {"title": title, "svg": figure_svg(figure, title)}


def _curves(
    curves: pd.DataFrame, task: str, groups: Mapping[tuple[str, str], Mapping[str, Sequence[str]]]
) -> list[dict[str, str]]:
    """For each number that was followed the mean over seeds of each row, with its range; a few rows in each chart."""
    out = []
    here = _of_task(curves, task)
    for (x, y), part in _parts(here, ["x", "y"]):
        lines = {str(row): _line(rows) for (row,), rows in _parts(part, ["row"])}
        title = f"{LOGGED.get(str(y), y)} against {LOGGED.get(str(x), x)}"
        for name, rows in _grouped(list(lines), groups.get((str(x), str(y)), {})).items():
            full = f"{title}: {name}" if name else title
            chart = _curve_chart(lines, rows, f"{task} {full}", full, LOGGED.get(str(x), str(x)))
            out.append({"title": full, "svg": chart})
    return out


def _line(rows: pd.DataFrame) -> np.ndarray:
    """Of one row x, and least, mean and largest value over seeds [4, K]."""
    points = [(at, numbers(seeds, "value")) for (at,), seeds in _parts(rows.sort_values("at"), ["at"])]
    return np.array([[at, v.min(), v.mean(), v.max()] for at, v in points], dtype=np.float64).T


def _grouped(rows: list[str], groups: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Title -> rows of each chart: as given, and what is in no group; or as many as one chart can hold."""
    there = {title: [row for row in members if row in rows] for title, members in groups.items()}
    there = {title: members for title, members in there.items() if members}
    if there:
        left = [row for row in rows if not any(row in members for members in there.values())]
        return {**there, **({"others": left} if left else {})}
    count = -(-len(rows) // MOST_CURVES)
    parts = {i: rows[i * MOST_CURVES : (i + 1) * MOST_CURVES] for i in range(count)}
    return {f"{i + 1} of {count}" if count > 1 else "": part for i, part in parts.items()}


def _curve_chart(lines: dict[str, np.ndarray], rows: list[str], salt: str, title: str, x_label: str) -> str:
    """Some rows in colours, the others behind them in grey."""
    with mpl.rc_context(page_style(salt)):
        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        axes = figure.add_subplot()
        for row in [row for row in lines if row not in rows]:
            at, _, mean, _ = lines[row]
            axes.plot(at, mean, color=MUTED, lw=0.7, alpha=0.35, zorder=1)
        for i, row in enumerate(rows):
            at, low, mean, high = lines[row]
            colour, style = SERIES[i % len(SERIES)], ("-", "--", ":", "-.")[i // len(SERIES) % 4]
            axes.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
            axes.plot(at, mean, color=colour, ls=style, lw=1.6, label=row)
        axes.set_xlabel(x_label)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.margins(x=0.01)
        legend_above(axes)
        return figure_svg(figure, title)
