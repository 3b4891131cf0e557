"""Ranks of rows within blocks: runs of the same task and seed (Demšar, JMLR 7 (2006) 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

#: with fewer rows Friedman's test says nothing that a test of pairs does not
FEWEST_ROWS = 3


@dataclass(frozen=True)
class Ranks:
    """Average ranks and whether they differ.

    Attributes:
        average: [rows]; 1 is best, ties share their mean.
        blocks: how many they are averages of.
        statistic: Friedman's chi squared, with rows - 1 degrees of freedom; None of fewer than 3 rows or 2 blocks.
        p: that rows do not differ; None where there is no statistic.
    """

    average: np.ndarray
    blocks: int
    statistic: float | None = None
    p: float | None = None


def ranks(scores: np.ndarray) -> Ranks:
    """Of scores [blocks, rows] without NaN, more is better."""
    blocks, rows = scores.shape
    average = stats.rankdata(-scores, axis=1).mean(0)
    if rows < FEWEST_ROWS or blocks < 2 or not np.ptp(scores, axis=1).any():
        return Ranks(average, blocks)
    found = stats.friedmanchisquare(*scores.T)
    return Ranks(average, blocks, float(found.statistic), float(found.pvalue))
