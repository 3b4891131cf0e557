"""Maps of the target and of the samples, side by side in the same colours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from molgfn.errors import DataError
from molgfn.evaluation.report.figures import figure_svg, page_style

NAME = "density.json"


def read_density(folder: Path) -> dict[str, Any] | None:
    """What the evaluation wrote; None where there is none.

    Raises:
        DataError: the file is not what an evaluation writes.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        shapes = [np.asarray(found[name], dtype=float).shape for name in ("target", "samples", "bounds")]
        if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[2] != (2, 2):
            raise ValueError(f"shapes {shapes}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); evaluate again") from error
    return found


def density_charts(found: dict[str, Any] | None) -> list[dict[str, str]]:
    """Title and SVG of the target's and of the samples' map; none without them."""
    if found is None:
        return []
    most = max(float(np.max(found[name])) for name in ("target", "samples"))
    titles = {"target": "Target R/Z, share of each bin", "samples": "Samples, share of each bin"}
    return [
        {"title": title, "svg": _map(np.asarray(found[name]), found["bounds"], most, title)}
        for name, title in titles.items()
    ]


def _map(shares: np.ndarray, bounds: list[list[float]], most: float, title: str) -> str:
    with mpl.rc_context(page_style(title, grid=False)):
        figure = Figure(figsize=(4.2, 3.4), layout="constrained")
        axes = figure.add_subplot()
        (left, right), (low, high) = bounds
        image = axes.imshow(
            shares.T,
            origin="lower",
            cmap="viridis",
            interpolation="nearest",
            extent=(left, right, low, high),
            vmin=0,
            vmax=most,
        )
        axes.set_xlabel("x0")
        axes.set_ylabel("x1")
        figure.colorbar(image, ax=axes)
        return figure_svg(figure, title)
