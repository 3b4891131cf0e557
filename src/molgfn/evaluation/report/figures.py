"""Small charts as inline SVG that follow the page's colours: light, dark and print.

Matplotlib draws with stand-in colours, which become CSS variables in the text of the SVG.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, ScalarFormatter

#: stand-in colour -> CSS variable of the page
THEME = {
    "#010203": "var(--ink)",
    "#010204": "var(--muted)",
    "#010205": "var(--line)",
    "#010206": "var(--c1)",
    "#010207": "var(--c2)",
    "#010208": "var(--c3)",
    "#010209": "var(--c4)",
}
INK, MUTED, LINE, *SERIES = THEME
#: CSS variable -> its colour on a light page, for a chart that stands alone
LIGHT = {
    "var(--ink)": "#1a202c",
    "var(--muted)": "#5a6577",
    "var(--line)": "#e1e5ec",
    "var(--c1)": "#2563a8",
    "var(--c2)": "#c2620e",
    "var(--c3)": "#3d8b5f",
    "var(--c4)": "#8a5ab5",
}

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 6,  # a number in the corner is not written over the lowest one beside it
    "legend.frameon": False,
    "legend.fontsize": 9,
}
#: of an SVG that a screen reader says by its title, and of one beside words that say the same
ROLE, UNSPOKEN = 'role="img"', 'aria-hidden="true"'
#: inches that the numbers at the y axis may take
_BESIDE = 0.6
#: inches of a legend of one row, for which figures have room
_ROW = 0.3
#: of lines, one for each time that all colours are used
_DASHES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Curve:
    """One line of a chart: ``x`` and ``y`` [K], its label, and whether it is a faint companion of the main line."""

    label: str
    x: np.ndarray
    y: np.ndarray
    faint: bool = False


def curves_svg(curves: Sequence[Curve], *, title: str, x_label: str = "step", log_y: bool = False) -> str:
    """Lines over steps; long noisy ones get a running mean on top of the raw values."""
    with mpl.rc_context(page_style(title)):
        figure = Figure(figsize=(4.6, 2.7), layout="constrained")
        axes = figure.add_subplot()
        for i, curve in enumerate(curves):
            colour, dashes = SERIES[i % len(SERIES)], _DASHES[i // len(SERIES) % len(_DASHES)]
            if len(curve.x) > 60 and not curve.faint:
                axes.plot(curve.x, curve.y, color=colour, lw=0.6, alpha=0.3)
                axes.plot(curve.x, running_mean(curve.y), color=colour, ls=dashes, lw=1.6, label=curve.label)
            else:
                alone = np.isfinite(curve.y).sum() == 1  # a line needs two
                marker, alpha = "o" if alone else "", 0.5 if curve.faint else 1
                style: dict[str, Any] = {"color": colour, "ls": dashes, "lw": 1.6, "marker": marker, "alpha": alpha}
                axes.plot(curve.x, curve.y, **style, label=curve.label)
        if log_y:
            axes.set_yscale("log")
        axes.set_xlabel(x_label)
        axes.margins(x=0.01)
        if all(np.array_equal(curve.x, np.round(curve.x)) for curve in curves):
            axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
        if len(curves) > 1:
            legend_above(axes)
        return figure_svg(figure, title)


def histogram_svg(
    groups: Mapping[str, tuple[np.ndarray, np.ndarray]], *, title: str, x_label: str, bins: int = 30
) -> str:
    """Shares of each group (label -> values and weights) over common bins; the first filled, the others as outlines."""
    known = {}
    for label, (values, weights) in groups.items():
        keep = np.isfinite(values)
        if keep.any():
            known[label] = (values[keep], weights[keep])
    with mpl.rc_context(page_style(title)):
        figure = Figure(figsize=(4.6, 2.5), layout="constrained")
        axes = figure.add_subplot()
        if known:
            together = np.concatenate([values for values, _ in known.values()])
            edges = _edges(together, bins)
            axes.xaxis.set_major_locator(_whole_ticks(together))
            for i, (label, (values, weights)) in enumerate(known.items()):
                share = np.histogram(values.clip(edges[0], edges[-1]), edges, weights=weights / weights.sum())[0]
                colour = SERIES[i % len(SERIES)]
                if i == 0:
                    axes.stairs(share, edges, fill=True, color=colour, alpha=0.45, lw=0)
                axes.stairs(share, edges, color=colour, lw=1.6, label=label)
        axes.set_xlabel(textwrap.fill(x_label, 60))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{round(100 * share, 3):g} %"))
        axes.margins(x=0.01)
        axes.set_ylim(bottom=0)
        if len(known) > 1:
            legend_above(axes)
        return figure_svg(figure, title)


def heatmap_svg(counts: np.ndarray, *, title: str) -> str:
    """How often each point [side, side] of a plane was drawn."""
    with mpl.rc_context(page_style(title, grid=False)):
        figure = Figure(figsize=(4.2, 3.4), layout="constrained")
        axes = figure.add_subplot()
        image = axes.imshow(counts.T, origin="lower", cmap="viridis", interpolation="nearest")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("coordinate 1")
        axes.set_ylabel("coordinate 2")
        figure.colorbar(image, ax=axes, label="samples")
        return figure_svg(figure, title)


def legend_above(axes: Axes) -> None:
    """Above the axes, where it hides nothing, in as many columns as there is room for; the figure grows with its rows.

    A legend that is wider than the figure would make the layout narrow the axes down to nothing.
    """
    figure = axes.get_figure(root=True)
    entries = len(axes.get_legend_handles_labels()[1])
    if figure is None or not entries:
        return
    renderer = FigureCanvasAgg(figure).get_renderer()
    room = (figure.get_figwidth() - _BESIDE) * figure.dpi
    for columns in range(min(3, entries), 0, -1):
        legend = axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=columns,
            borderaxespad=0.2,
            handlelength=1.6,
            columnspacing=1.2,
        )
        width = legend.get_window_extent(renderer).width
        if width <= room:
            break
    else:
        longest = max(len(text.get_text()) for text in legend.get_texts())
        for text in legend.get_texts():
            text.set_text(textwrap.fill(text.get_text(), max(8, int(0.9 * longest * room / width))))
    height = legend.get_window_extent(renderer).height - _ROW * figure.dpi
    figure.set_figheight(figure.get_figheight() + max(0.0, height) / figure.dpi)


def page_style(title: str, *, grid: bool = True) -> dict[Any, Any]:
    """``STYLE`` with ids of its own for each chart of a page."""
    return {**STYLE, "svg.hashsalt": title, "axes.grid": grid}


class _Grouped(ScalarFormatter):
    """Ticks of many digits in groups of three."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        text = super().__call__(x, pos)
        return f"{x:,.0f}".replace("-", "\u2212") if re.fullmatch(r"\u2212?\d{4,}", text) else text


def running_mean(y: np.ndarray) -> np.ndarray:
    """Centred mean over about a 25th of the points, shorter at both ends."""
    half = max(len(y) // 50, 1)
    total = np.concatenate([[0.0], np.cumsum(y)])
    index = np.arange(len(y))
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(y))
    return (total[high] - total[low]) / (high - low)


def _whole_ticks(values: np.ndarray) -> MaxNLocator:
    """Few ticks; whole ones only where the values are."""
    whole = bool(np.all(values == values.round()))
    return MaxNLocator(7, integer=whole, min_n_ticks=1 if whole else 2)


def _edges(values: np.ndarray, bins: int) -> np.ndarray:
    """Bin edges; the outermost 0.5 % go into the outer bins where there would be too many.

    Bins of whole numbers all hold equally many of them: others would hold now two and now three, which looks like a
    comb.
    """
    low, high = float(values.min()), float(values.max())
    whole = bool(np.all(values == np.round(values)))
    if whole and high - low <= 2 * bins:
        return np.arange(low, high + 2) - 0.5
    cut_low, cut_high = np.quantile(values, [0.005, 0.995])
    low, high = (float(cut_low), float(cut_high)) if cut_high > cut_low else (low, high)
    if whole:
        low, high = np.floor(low), np.ceil(high)
        width = np.ceil((high - low + 1) / (2 * bins))
        return np.arange(low, high + 1 + width, width) - 0.5
    return np.linspace(low, high, bins + 1) if high > low else np.array([low - 0.5, low + 0.5])


def inline_svg(text: str, title: str) -> str:
    """An SVG document as an element inside HTML: no prologue, metadata or name spaces, scaled by the page.

    Args:
        text: the document; quotes around attributes may be single or double.
        title: what a screen reader says and a mouse shows; empty where words beside the picture say it all: a
            screen reader then passes over it.
    """
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s+(?:xmlns(?::\w+)?|xml:space)=(\"[^\"]*\"|'[^']*')", "", svg).replace("xlink:href", "href")
    box = re.search(r"viewBox=[\"']([^\"']*)[\"']", svg)
    start = f'<svg class="chart" {ROLE if title else UNSPOKEN}' + (f' viewBox="{box.group(1)}">' if box else ">")
    svg = start + (f"<title>{escape(title)}</title>" if title else "") + svg[svg.index(">") + 1 :]
    return svg.strip()


def drawing(text: str) -> str:
    """The picture of an object inside HTML; on white paper where it does not take the colour of the text."""
    svg = inline_svg(text, "")
    return svg if "currentColor" in svg else svg.replace('class="chart"', 'class="chart paper"', 1)


def stand_alone(svg: str) -> str:
    """A chart of a page as an SVG document of its own, in the colours of a light page."""
    for variable, colour in LIGHT.items():
        svg = svg.replace(variable, colour)
    space = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return svg.replace("<svg ", f'<svg {space} font-family="sans-serif" ', 1)


def figure_svg(figure: Figure, title: str, *, dpi: float | None = None) -> str:
    """The figure as an inline SVG in the page's colours and font; what it rasterises has ``dpi``."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if type(axis.get_major_formatter()) is ScalarFormatter:
                axis.set_major_formatter(_Grouped())
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None}, dpi=dpi or "figure")
    svg = inline_svg(text.getvalue(), title)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    used = set(re.findall(r"#([\w.-]+)[\")]", svg))  # ids that nothing refers to would repeat from chart to chart
    svg = re.sub(r" id=\"([^\"]*)\"", lambda m: m.group(0) if m.group(1) in used else "", svg)
    for colour, variable in THEME.items():
        svg = svg.replace(colour, variable)
    return svg
