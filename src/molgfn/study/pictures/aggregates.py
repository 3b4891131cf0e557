"""Aggregates over tasks as intervals, and performance profiles (the figures of arXiv 2108.13264)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter

from molgfn.study.comparison import Comparison
from molgfn.study.pictures.style import DASHES, colour_of, plain, save
from molgfn.study.statistics.profiles import performance_profile, profile_band

#: points of a profile
LEVELS = 201


def draw_aggregates(c: Comparison, path: Path) -> None:
    """A panel per statistic over all tasks, a bar per row from end to end of its 95 % interval, a line at the value."""
    statistics = list(next(iter(c.aggregates.values())))
    rows = list(c.aggregates)
    size = (1.2 + 2.5 * len(statistics), 1.2 + 0.34 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(statistics), sharey=True, squeeze=False)[0]
    for axis, name in zip(axes, statistics, strict=True):
        for place, row in enumerate(rows):
            reading = c.aggregates[row][name]
            if reading.low is not None and reading.high is not None:
                axis.barh(place, reading.high - reading.low, 0.62, reading.low, color=colour_of(place), alpha=0.45)
            axis.plot([reading.value] * 2, [place - 0.31, place + 0.31], color=colour_of(place), linewidth=2.2)
        better = "less" if name == "optimality gap" else "more"
        axis.set_title(name[0].upper() + name[1:], fontsize=10)
        axis.set_xlabel(f"score, {better} is better", fontsize=8)
        axis.use_sticky_edges = False  # else the farthest bars seem cut off
        axis.margins(x=0.06)
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.tick_params(labelsize=8)
        plain(axis)
        axis.grid(False, axis="y")
    axes[0].set_yticks(range(len(rows)), rows, fontsize=9)
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    save(figure, path)


def draw_profiles(c: Comparison, path: Path) -> None:
    """Share of runs above each score, a line per row with its pointwise 95 % band; higher is better everywhere.

    Scores far below the middle of all runs are left out of the picture, and the share at its left end tells of them.
    """
    figure = Figure(figsize=(6.2, 4.0), layout="constrained")
    axis = figure.subplots()
    scores = list(c.scores.values())
    low, high = max(0.0, min(scores)), min(1.0, max(scores))
    if low >= high:
        low, high = min(scores), max(scores)
    margin = 0.04 * (high - low) or 0.5
    levels = np.linspace(low - margin, high + margin, LEVELS)
    for number, row in enumerate(c.aggregates):
        of_row = c.of_row(row)
        colour, dash = colour_of(number), DASHES[(number // 8) % len(DASHES)]
        axis.plot(levels, performance_profile(of_row, levels), color=colour, linestyle=dash, label=row, linewidth=1.8)
        if max(len(task) for task in of_row) > 1:
            axis.fill_between(levels, *profile_band(of_row, levels), color=colour, alpha=0.15, linewidth=0)
    axis.set_xlabel(f"score τ by {c.measure}, 0 worst to 1 best")
    axis.set_ylabel("share of runs with score > τ, mean over tasks")
    axis.set_xlim(levels[0], levels[-1])
    axis.set_ylim(-0.02, 1.02)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.yaxis.set_major_locator(MultipleLocator(0.25))
    axis.legend(fontsize=8, frameon=False)
    plain(axis)
    save(figure, path)
