"""Which of several objects no other one beats in all objectives, and how much of the space they cover.

Objectives are desirabilities in [0, 1], more is better; rows with a NaN are objects that lack a value and never count.
"""

from __future__ import annotations

import numpy as np


def complete(points: np.ndarray) -> np.ndarray:
    """The rows of ``points`` [N, D] that have all their values, [K, D]."""
    return points[~np.isnan(points).any(1)]


def pareto_front(points: np.ndarray) -> np.ndarray:
    """int64 [F]: the rows of ``points`` [N, D] that no row dominates, in order; rows that are equal all or none.

    A row dominates another where it is at least as good in every objective and better in one.
    """
    import moocore  # takes half a second, and a run that trains needs none of it

    known = np.flatnonzero(~np.isnan(points).any(1))
    if not len(known):
        return known
    best = moocore.is_nondominated(points[known], maximise=True, keep_weakly=True)
    return known[np.asarray(best, dtype=bool)]


def hypervolume(points: np.ndarray) -> float:
    """The share of the unit cube that ``points`` [N, D] dominate, in [0, 1]: the reference point is 0.

    Exact. Up to four objectives it takes at most quadratic time in the size of the front; from five on its worst case
    is exponential in the number of objectives.

    Reference:
        Zitzler and Thiele, PPSN 1998; computed by moocore (Fonseca et al. 2006, Guerreiro and Fonseca 2018).
    """
    import moocore

    front = points[pareto_front(points)]
    if not len(front):
        return 0.0
    return float(moocore.hypervolume(front, ref=np.zeros(points.shape[1]), maximise=True))
