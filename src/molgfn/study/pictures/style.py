"""How all figures of studies look."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Okabe and Ito's colours, told apart by people with any colour vision; black last
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8A00", "#000000")
DASHES = ("-", "--", ":", "-.")


def colour_of(number: int) -> str:
    """Of the row with that number; eight rows are told apart by colour, more by dashes, too."""
    return COLOURS[number % len(COLOURS)]


def plain(axis: Axes) -> None:
    """A light grid, and no frame on the right and above."""
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)


def save(figure: Figure, path: Path) -> None:
    """As SVG or PNG, by the ending; the same file from the same numbers."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "molgfn"}):
        figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)
