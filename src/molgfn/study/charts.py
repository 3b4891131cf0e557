"""Curves of a study: one panel per group, one line per row, a band over the seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from scipy import stats

from molgfn.study.plan import Picture, Study
from molgfn.study.tables import by_row

#: Okabe and Ito's colours, told apart by people with any colour vision; black last
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8A00", "#000000")
#: columns of metrics.csv in words
WORDS = {
    "exact/tv": "exact total variation",
    "exact/jsd": "exact Jensen-Shannon divergence, nats",
    "found/trajectories": "trajectories",
    "oracle/calls": "reward calls",
    "oracle/unique": "different objects scored",
    "value/mean": "mean property of a batch",
}
DASHES = ("-", "--", ":", "-.")


def draw(study: Study, picture: Picture, records: list[dict[str, Any]], path: Path) -> None:
    """Draw one picture as SVG or PNG, by the ending of ``path``. The band is the 95 % t-interval over seeds.

    Of its groups only the study's present rows are drawn (``--only`` leaves some out).
    """
    rows = by_row(study, records)
    present = {title: [name for name in members if name in rows] for title, members in picture.groups.items()}
    groups = {title: members for title, members in present.items() if members} or {"": list(rows)}
    across = min(3, len(groups))
    down = -(-len(groups) // across)
    figure = Figure(figsize=(4.6 * across, 3.6 * down), layout="constrained")
    axes = figure.subplots(down, across, sharey=True, sharex=True, squeeze=False).flatten()
    for axis, (title, members) in zip(axes, groups.items(), strict=False):
        for number, name in enumerate(members):
            curves = [r.get("curves", {}).get(f"{picture.y} over {picture.x}", [[], []]) for r in rows[name]]
            curves = [c for c in curves if c[0]]
            if not curves:
                continue
            length = min(len(x) for x, _ in curves)
            x = np.mean([x[:length] for x, _ in curves], axis=0)
            y = np.array([y[:length] for _, y in curves])
            colour, dash = COLOURS[number % len(COLOURS)], DASHES[(number // len(COLOURS)) % len(DASHES)]
            axis.plot(x, y.mean(0), color=colour, linestyle=dash, label=name, linewidth=1.6)
            if len(y) > 1:
                half = stats.t.ppf(0.975, len(y) - 1) * y.std(0, ddof=1) / np.sqrt(len(y))
                low = np.maximum(y.mean(0) - half, y.min() * 0.5) if picture.log_y else y.mean(0) - half
                axis.fill_between(x, low, y.mean(0) + half, color=colour, alpha=0.15, linewidth=0)
        axis.set_title(title, fontsize=10)
        axis.legend(fontsize=8, frameon=False)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        if picture.log_y:
            axis.set_yscale("log")
        if picture.log_x:
            axis.set_xscale("log")
    for axis in axes[len(groups) :]:
        axis.set_visible(False)
    for axis in axes[max(0, len(groups) - across) : len(groups)]:
        axis.set_xlabel(WORDS.get(picture.x, picture.x))
        if not picture.log_x:
            axis.xaxis.set_major_locator(MaxNLocator(4))  # numbers of five digits beside each other
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.xaxis.set_tick_params(labelbottom=True)
    for axis in axes[::across]:
        axis.set_ylabel(WORDS.get(picture.y, picture.y))
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "molgfn"}):  # the same file from the same numbers
        figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)
