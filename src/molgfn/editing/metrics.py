"""What editors are compared by: how much the property rises, how much of the lead is changed, how many ways are found.

Reference: Ghari et al., "GFlowNet Assisted Biological Sequence Editing", NeurIPS 2024 (property improvement, edit
percentage, diversity); Hoffman et al., "Optimizing molecules using efficient queries from property evaluations",
arXiv 2011.01921 (share of leads that reach a threshold within a similarity).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import mean, stdev

from scipy.stats import binomtest

from molgfn.editing.likeness import edit_distance


def property_improvement(parents: Sequence[float], children: Sequence[float]) -> float:
    """Mean of the child's property less the parent's, N pairs, in the property's unit; NaN without a pair."""
    gains = [child - parent for parent, child in zip(parents, children, strict=True)]
    return mean(gains) if gains else float("nan")


def improvement_over_leads(gains: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Mean over all of N >= 1 leads of the mean gain of each, in the property's unit, and its standard error.

    A lead without a child was left as it is, and counts as a gain of 0; ``property_improvement`` passes it over, which
    favours an editor that edits only leads that it can improve.

    Args:
        gains: for each lead, those of its children; empty where it has none.
    """
    each = [mean(some) if some else 0.0 for some in gains]
    return mean(each), stdev(each) / len(each) ** 0.5 if len(each) > 1 else float("nan")


def edit_percentage(parents: Sequence[str], children: Sequence[str]) -> float:
    """Mean of edit distance / length of the parent, N pairs, in per cent; NaN without a pair."""
    shares = [100 * edit_distance(a, b) / max(len(a), 1) for a, b in zip(parents, children, strict=True)]
    return mean(shares) if shares else float("nan")


def diversity(children: Sequence[str]) -> float:
    """Mean edit distance of all pairs of N texts; NaN with fewer than two."""
    pairs = [edit_distance(a, b) for a, b in combinations(children, 2)]
    return mean(pairs) if pairs else float("nan")


def success(reached: Sequence[bool]) -> tuple[float, float, float]:
    """Share of N leads (N >= 1) that reached what was asked for, and the ends of its 95 % interval (Wilson)."""
    test = binomtest(sum(reached), len(reached))
    interval = test.proportion_ci(0.95, "wilson")
    return sum(reached) / len(reached), float(interval.low), float(interval.high)
