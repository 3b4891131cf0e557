"""Curves of a study: one panel per task and group, one line per row, a band over the seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from scipy import stats

from molgfn.evaluation.report.sections.labels import LOGGED
from molgfn.study.pictures.style import DASHES, colour_of, plain, save
from molgfn.study.plan import Picture, Study
from molgfn.study.tables import by_row

#: records of each row
Rows = dict[str, list[dict[str, Any]]]


def draw(study: Study, picture: Picture, records: list[dict[str, Any]], path: Path) -> None:
    """Draw one picture as SVG or PNG, by the ending of ``path``. The band is the 95 % t-interval over seeds.

    Of its groups only the study's present rows are drawn (``--only`` leaves some out). Panels of one task share their
    axes; those of several tasks do not.
    """
    panels: list[tuple[str, list[str], Rows]] = []
    for task in study.all_tasks:
        rows = by_row(study, records, task.name)
        present = {title: [name for name in members if name in rows] for title, members in picture.groups.items()}
        groups = {title: members for title, members in present.items() if members} or {"": list(rows)}
        panels += [(": ".join(filter(None, [task.name, title])), group, rows) for title, group in groups.items()]
    shared = len(study.all_tasks) == 1
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(4.6 * across, 3.6 * down), layout="constrained")
    axes = figure.subplots(down, across, sharey=shared, sharex=shared, squeeze=False).flatten()
    for axis, (title, members, rows) in zip(axes, panels, strict=False):
        _panel(axis, picture, members, rows)
        axis.set_title(title, fontsize=10)
        axis.legend(fontsize=8, frameon=False)
        plain(axis)
        if picture.log_y:
            axis.set_yscale("log")
        if picture.log_x:
            axis.set_xscale("log")
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    for axis in axes[max(0, len(panels) - across) if shared else 0 : len(panels)]:
        if not picture.log_x:
            axis.xaxis.set_major_locator(MaxNLocator(4))  # numbers of five digits beside each other
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.xaxis.set_tick_params(labelbottom=True)
    for axis in axes[max(0, len(panels) - across) : len(panels)]:
        axis.set_xlabel(LOGGED.get(picture.x, picture.x))
    for axis in axes[::across]:
        axis.set_ylabel(LOGGED.get(picture.y, picture.y))
    save(figure, path)


def _panel(axis: Axes, picture: Picture, members: list[str], rows: Rows) -> None:
    """The lines of some rows on one task."""
    for number, name in enumerate(members):
        curves = [r.get("curves", {}).get(f"{picture.y} over {picture.x}", [[], []]) for r in rows[name]]
        curves = [c for c in curves if c[0]]
        if not curves:
            continue
        length = min(len(x) for x, _ in curves)
        x = np.mean([x[:length] for x, _ in curves], axis=0)
        y = np.array([y[:length] for _, y in curves])
        colour, dash = colour_of(number), DASHES[(number // 8) % len(DASHES)]
        axis.plot(x, y.mean(0), color=colour, linestyle=dash, label=name, linewidth=1.6)
        if len(y) > 1:
            half = stats.t.ppf(0.975, len(y) - 1) * y.std(0, ddof=1) / np.sqrt(len(y))
            low = np.maximum(y.mean(0) - half, y.min() * 0.5) if picture.log_y else y.mean(0) - half
            axis.fill_between(x, low, y.mean(0) + half, color=colour, alpha=0.15, linewidth=0)
