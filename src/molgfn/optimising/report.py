"""An optimisation as one self-contained HTML page: the best, the curve against calls, who proposed what, every call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import molgfn
from molgfn.evaluation.files import write_whole
from molgfn.evaluation.report.figures import SERIES, Curve, curves_svg, figure_svg, legend_above, page_style
from molgfn.evaluation.report.galleries import Gallery
from molgfn.evaluation.report.sections.object_data import as_script, map_text, object_data
from molgfn.evaluation.report.template import filled
from molgfn.evaluation.top_auc import TOP
from molgfn.optimising.loop import Loop
from molgfn.optimising.progress import sign_of
from molgfn.optimising.summary import summary_lines

#: pictures of the best
SHOWN = 24
#: rows of the table
MOST = 2000
#: points of a curve
POINTS = 200


def write_report(
    loop: Loop, folder: Path, calls: pd.DataFrame, metrics: pd.DataFrame, summary: dict[str, Any]
) -> Path | None:
    """Write ``report.html`` in a run folder; None where no object has a value, of which there is nothing to show."""
    parts, kind = loop.parts, loop.parts.kind
    sign = sign_of(parts)
    valued = calls.dropna(subset=["value"])
    if not len(valued):
        return None
    best = valued.sort_values("value", ascending=sign < 0, kind="stable").assign(count=1).reset_index(drop=True)
    gallery = Gallery.of(best.drop(columns=["problem"]), kind, MOST)
    scored = parts.reward.scored
    name = scored.title or scored.name
    data = object_data(gallery, name, None)
    charts = [
        _curve(calls["value"].to_numpy(dtype=np.float64), sign, name),
        _shares(calls, list(parts.candidates.by_name)),
    ]
    if len(metrics) > 1 and (learnt := [c for c in metrics if c.startswith("train/loss") or c == "train/log_z"]):
        x = metrics["round"].to_numpy(dtype=np.float64)
        charts += [
            {
                "title": title,
                "svg": curves_svg([Curve(title, x, metrics[column].to_numpy())], title=title, x_label="round"),
            }
            for column, title in ((column, _in_words(column)) for column in learnt)
        ]
    page = filled(
        {
            "name": f"{parts.config['name']}: {name}",
            "version": molgfn.__version__,
            "track": summary_lines(summary)[0],
            "lines": summary_lines(summary)[1:],
            "best": _cards(gallery).pictures(gallery.best(SHOWN)),
            "charts": [chart for chart in charts if chart is not None],
            "objects": as_script(data),
            "map_text": map_text(data, kind.plural),
            "plural": kind.plural,
            "key_word": kind.key_column.upper() if kind.key_column == "smiles" else kind.key_column,
            "caveat": kind.caveat,
        },
        "optimisation.html.j2",
    )
    path = folder / "report.html"
    write_whole(path, page)
    return path


def _cards(gallery: Gallery) -> Gallery:
    """Without the reasons, which the table has: they would fill the cards."""
    return replace(gallery, table=gallery.table.drop(columns=["why", "acquisition"], errors="ignore"))


def _in_words(column: str) -> str:
    """``train/loss/tb`` as "Loss of the sampler (tb)"."""
    if column == "train/log_z":
        return "log Z of the sampler"
    which = column.removeprefix("train/loss").strip("/_")
    return "Loss of the sampler" + (f" ({which})" if which else "")


def _curve(values: np.ndarray, sign: int, name: str) -> dict[str, str]:
    """The mean of the n best so far against calls, from where there are n."""
    calls = np.unique(np.linspace(1, len(values), min(POINTS, len(values))).round().astype(np.int64))
    known = np.where(np.isfinite(values), sign * values, -np.inf)
    lines = []
    for n in TOP:
        if np.isfinite(known).sum() < n:
            continue
        reached = [np.sort(known[:count])[::-1][:n] for count in calls]
        mean = np.array([best.mean() if np.isfinite(best).sum() == n else np.nan for best in reached])
        lines.append(Curve(f"mean of the {n} best" if n > 1 else "the best", calls.astype(np.float64), sign * mean))
    title = f"{name}, the best so far against oracle calls"
    with mpl.rc_context(page_style(title)):
        figure = Figure(figsize=(4.6, 2.9), layout="constrained")
        axes = figure.add_subplot()
        for colour, line in zip(SERIES, lines, strict=False):
            axes.plot(line.x, line.y, color=colour, lw=1.6, label=line.label, drawstyle="steps-post")
        axes.set_xlabel("oracle calls")
        axes.margins(x=0.01)
        legend_above(axes)
        return {"title": title, "svg": figure_svg(figure, title)}


def _shares(calls: pd.DataFrame, names: list[str]) -> dict[str, str]:
    """Who proposed what was called, against calls."""
    title = "calls by proposer"
    there = [name for name in dict.fromkeys([*names, *calls["proposer"]]) if name in set(calls["proposer"])]
    count = np.arange(1, len(calls) + 1)
    with mpl.rc_context(page_style(title)):
        figure = Figure(figsize=(4.6, 2.9), layout="constrained")
        axes = figure.add_subplot()
        for i, name in enumerate(there):
            own = np.cumsum((calls["proposer"] == name).to_numpy())
            style = ("-", "--", ":", "-.")[i // len(SERIES) % 4]
            axes.plot(count, own, color=SERIES[i % len(SERIES)], ls=style, lw=1.6, label=name)
        axes.set_xlabel("oracle calls")
        axes.margins(x=0.01)
        legend_above(axes)
        return {"title": title, "svg": figure_svg(figure, title)}
