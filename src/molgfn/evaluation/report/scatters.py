"""Charts of how samples move with a condition: bands, clouds of objects with their front, predictions against truth."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from molgfn.evaluation.metrics.several_objectives.fronts import pareto_front
from molgfn.evaluation.report.figures import INK, MUTED, SERIES, figure_svg, legend_above, page_style

#: an axis is logarithmic where its largest value is this many times the least
WIDE = 8.0
#: of points, which are many: they are drawn as a picture
DPI = 200


def band_svg(
    x: np.ndarray,
    quantiles: np.ndarray,
    mean: np.ndarray,
    *,
    title: str,
    x_label: str,
    y_label: str,
    diagonal: bool = False,
) -> str:
    """How a number moves with another: its mean [K] at each ``x`` [K] in any order, and its 10 and 90 % [K, 2].

    ``diagonal``: a line where the two are equal.
    """
    order = np.argsort(x)
    x, mean, quantiles = x[order], mean[order], quantiles[order]
    with mpl.rc_context(page_style(title)):
        figure = Figure(figsize=(4.6, 2.9), layout="constrained")
        axes = figure.add_subplot()
        axes.fill_between(x, quantiles[:, 0], quantiles[:, 1], color=SERIES[0], alpha=0.18, lw=0, label="10 to 90 %")
        axes.plot(x, mean, color=SERIES[0], lw=1.6, marker="o", ms=4, label="mean")
        if diagonal:
            axes.plot([x[0], x[-1]], [x[0], x[-1]], color=MUTED, lw=1, ls="--", label="as asked for")
        _x_axis(axes, x)
        axes.set_xlabel(x_label)
        axes.set_ylabel(textwrap.fill(y_label, 34))
        legend_above(axes)
        return figure_svg(figure, title)


def lines_svg(series: Mapping[str, tuple[np.ndarray, np.ndarray]], *, title: str, x_label: str, y_label: str) -> str:
    """Points of several series, label -> x and y [K], in the page's colours."""
    with mpl.rc_context(page_style(title)):
        figure = Figure(figsize=(4.6, 2.9), layout="constrained")
        axes = figure.add_subplot()
        for i, (label, (x, y)) in enumerate(series.items()):
            order = np.argsort(x)
            colour = SERIES[i % len(SERIES)]
            axes.plot(x[order], y[order], color=colour, lw=0, marker="os^Dv"[i % 5], ms=4.5, alpha=0.85, label=label)
        axes.set_xlabel(x_label)
        axes.set_ylabel(textwrap.fill(y_label, 34))
        if len(series) > 1:
            legend_above(axes)
        return figure_svg(figure, title)


def cloud_svg(points: np.ndarray, colour: np.ndarray, *, title: str, labels: tuple[str, str], colour_label: str) -> str:
    """Objects by two objectives [N, 2] coloured by a number [N], and the front that none of them goes beyond."""
    known = ~np.isnan(points).any(1)
    points, colour = points[known], colour[known]
    front = points[pareto_front(points)]
    front = front[np.lexsort((-front[:, 1], front[:, 0]))]
    with mpl.rc_context(page_style(title)):
        figure = Figure(figsize=(4.6, 3.5), layout="constrained")
        axes = figure.add_subplot()
        cloud = axes.scatter(
            points[:, 0], points[:, 1], c=colour, cmap="viridis", s=9, alpha=0.75, lw=0, rasterized=True
        )
        axes.step(front[:, 0], front[:, 1], where="pre", color=INK, lw=1.1, label="front of the two")
        axes.plot(front[:, 0], front[:, 1], color=INK, lw=0, marker="o", ms=2.5)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        legend_above(axes)
        if len(colour) and np.ptp(colour) > 0:
            bar = figure.colorbar(cloud, ax=axes, label=textwrap.fill(colour_label, 40))
            bar.solids.set_alpha(1.0)  # type: ignore[union-attr]
            bar.outline.set_visible(False)  # type: ignore[operator]
        return figure_svg(figure, title, dpi=DPI)


def agreement_svg(truth: np.ndarray, predicted: np.ndarray, *, title: str, x_label: str, y_label: str) -> str:
    """Predicted against true numbers [K], with the line where they are equal."""
    with mpl.rc_context(page_style(title)):
        figure = Figure(figsize=(4.6, 2.9), layout="constrained")
        axes = figure.add_subplot()
        ends = [min(truth.min(), predicted.min()), max(truth.max(), predicted.max())]
        axes.plot(ends, ends, color=MUTED, lw=1, ls="--")
        axes.plot(truth, predicted, color=SERIES[0], lw=0, marker="o", ms=4.5)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        return figure_svg(figure, title)


def _x_axis(axes: Axes, x: np.ndarray) -> None:
    """Logarithmic where the numbers span a wide range; then the numbers themselves are the ticks."""
    if len(x) and x.min() > 0 and x.max() >= WIDE * x.min():
        axes.set_xscale("log")
        axes.set_xticks(x if len(x) <= 8 else np.geomspace(x.min(), x.max(), 6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.minorticks_off()
