"""A run's ``metrics.csv`` as panels of curves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from molgfn.errors import DataError
from molgfn.evaluation.report.figures import Curve
from molgfn.evaluation.report.tables import numbers

#: title of a panel, pattern of the logged names that belong there; the first match wins
PANELS = (
    ("Loss", r"(^|/)loss(/|$)|_loss$"),
    ("log Z", r"(^|/)(?<!lr/)(log_z|elbo)\b"),
    ("Different good ones so far", r"(^|/)hits?\b"),
    ("Modes so far", r"(^|/)modes?\b"),
    ("Different objects so far", r"(^|/)(unique|trajectories)$(?<!oracle/unique)"),
    ("Share of different objects in each interval", r"(^|/)found/different$"),
    ("Mean reward", r"(^|/)reward(/|$|_)"),
    ("Quantiles of log R", r"(^|/)log_reward(/|$)"),
    ("Trajectories per second", r"per_second$|/s$|(^|/)throughput"),
)
#: names that count something else than a measurement of training
IGNORED = re.compile(r"^(step|epoch|round)$")
#: what rows are counted in: iterations of training, rounds of an optimisation
COUNTED_IN = ("step", "round")


@dataclass(frozen=True)
class Panel:
    """One chart: its title, its curves, and whether the vertical axis is logarithmic."""

    title: str
    curves: list[Curve]
    log_y: bool


def read_panels(path: Path) -> tuple[list[Panel], list[Panel]]:
    """The panels that ``PANELS`` names, in that order, and one panel for each further group of logged names.

    Args:
        path: of a run: sparse columns of metrics, and ``step`` (training) or ``round`` (an optimisation).

    Raises:
        DataError: the file is no such table.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a table of metrics ({error})") from error
    counted = next((name for name in COUNTED_IN if name in table), None)
    if counted is None:
        raise DataError(f"{path}: has no column `step` or `round`; it should be the metrics.csv of a run")
    steps = numbers(table, counted)
    named: dict[str, list[Curve]] = {title: [] for title, _ in PANELS}
    other: dict[str, list[Curve]] = {}
    for name in table.columns:
        if IGNORED.match(name):
            continue
        y = numbers(table, name)
        known = np.isfinite(y)
        if not known.any():
            continue
        short = name.removeprefix("train/")
        curve = Curve(short, steps[known], y[known])
        title = next((title for title, pattern in PANELS if re.search(pattern, name)), None)
        (named[title] if title else other.setdefault(short.split("/")[0], [])).append(curve)
    return [_panel(t, c) for t, c in named.items() if c], [_panel(t.replace("_", " "), c) for t, c in other.items()]


def _panel(title: str, curves: list[Curve]) -> Panel:
    y = np.concatenate([curve.y for curve in curves])
    spread = bool((y > 0).all()) and np.quantile(y, 0.95) > 30 * np.quantile(y, 0.05)
    # what the title says already need not be repeated in every label
    while len(curves) > 1 and all("/" in curve.label for curve in curves):
        if len({curve.label.split("/")[0] for curve in curves}) > 1:
            break
        curves = [Curve(curve.label.split("/", 1)[1], curve.x, curve.y) for curve in curves]
    return Panel(title, curves, log_y=title == "Loss" and spread)
