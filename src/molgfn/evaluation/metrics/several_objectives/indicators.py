"""How good, how complete and how evenly spread objects are over several objectives: one number each.

Objectives are desirabilities in [0, 1], more is better, without NaN (see ``fronts.complete``).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

#: numbers of a matrix of distances that are held at once
BLOCK = 4_000_000


def r2(points: np.ndarray, weights: np.ndarray) -> float:
    """1/V sum over weights v of min over points a of max over objectives i of v_i |u_i - a_i|, with u = (1, ..., 1).

    In [0, 1], less is better: the mean over ``weights`` [V, D] of how near the best of ``points`` [N, D] comes to being
    perfect in all objectives. Dominated points do not change it.

    Reference:
        Brockhoff, Wagner and Trautmann, On the properties of the R2 indicator, GECCO 2012.
    """
    lacking = np.abs(1.0 - points)
    rows = max(1, BLOCK // max(1, len(points)))
    nearest = []
    for first in range(0, len(weights), rows):
        some = weights[first : first + rows]
        worst = np.zeros((len(some), len(points)))
        for i in range(points.shape[1]):
            np.maximum(worst, some[:, i, None] * lacking[None, :, i], out=worst)
        nearest.append(worst.min(1))
    return float(np.concatenate(nearest).mean())


def igd(points: np.ndarray, reference: np.ndarray) -> float:
    """Mean over ``reference`` [K, D] of the Euclidean distance to the nearest of ``points`` [N, D]; less is better.

    Reference:
        Coello Coello and Reyes Sierra, MICAI 2004.
    """
    rows = max(1, BLOCK // max(1, len(points)))
    nearest = [cdist(reference[i : i + rows], points).min(1) for i in range(0, len(reference), rows)]
    return float(np.concatenate(nearest).mean())


def pc_entropy(points: np.ndarray, reference: np.ndarray) -> float:
    """Entropy in nats of which of ``reference`` [K, D] is nearest to each of ``points`` [N, D]; more is more diverse.

    In [0, log min(N, K)]. Of reference points equally near the first counts.

    Reference:
        Roy et al., Goal-conditioned GFlowNets, 2023, arXiv 2306.04620, section 4.
    """
    rows = max(1, BLOCK // max(1, len(reference)))
    nearest = [cdist(points[i : i + rows], reference).argmin(1) for i in range(0, len(points), rows)]
    counts = np.bincount(np.concatenate(nearest), minlength=len(reference))
    share = counts[counts > 0] / len(points)
    return float(-(share * np.log(share)).sum()) + 0.0  # not -0 where all share one


def cosines(points: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Cosine of the angle between each of ``points`` [N, D] and ``direction`` [D], in [-1, 1]; NaN rows give NaN.

    A point at 0 has no direction: 0.
    """
    length = np.linalg.norm(points, axis=1) * np.linalg.norm(direction)
    along = points @ direction
    return np.clip(np.divide(along, length, out=np.where(np.isnan(along), np.nan, 0.0), where=length > 0), -1.0, 1.0)
