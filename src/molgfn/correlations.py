"""Pearson's and Spearman's correlation of two columns, and why there is none."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

#: a column whose spread is at most this share of its largest number is one number, up to rounding
_ROUNDING = 16 * float(np.finfo(np.float64).eps)


def pearson(x: np.ndarray, y: np.ndarray, *, fewest: int = 2) -> float:
    """In [-1, 1], of two columns [N] of finite numbers; NaN where ``undefined`` says why."""
    return math.nan if undefined(x, y, fewest=fewest) else _of(x, y)


def spearman(x: np.ndarray, y: np.ndarray, *, fewest: int = 2) -> float:
    """That of the ranks, equal numbers at their mean rank; NaN as for ``pearson``."""
    return math.nan if undefined(x, y, fewest=fewest) else _of(stats.rankdata(x), stats.rankdata(y))


def _of(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1])


def undefined(
    x: np.ndarray, y: np.ndarray, *, fewest: int = 2, what: str = "objects", names: tuple[str, str] = ("x", "y")
) -> str | None:
    """Why two columns [N] have no correlation, in a few words; None where they have one.

    Args:
        x: the one.
        y: the other.
        fewest: rows that it takes.
        what: rows are called.
        names: of the columns.
    """
    if len(x) < fewest:
        return f"{len(x)} {what}; it takes {fewest}"
    for name, column in zip(names, (x, y), strict=True):
        if not np.isfinite(column).all():
            return f"{name} is not finite for all {what}"
        if np.ptp(column) <= _ROUNDING * np.abs(column).max():
            return f"{name} is the same for all {len(x)} {what}"
    return None
