"""Sets of points and weights that a set of objects is held against."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np


def simplex_lattice(dimensions: int, partitions: int) -> np.ndarray:
    """All weights that are multiples of 1/``partitions`` and sum to 1, [comb(partitions + D - 1, D - 1), D].

    Reference:
        Das and Dennis, SIAM J. Optim. 8 (1998) 631.
    """
    places = partitions + dimensions - 1
    bars = np.array(list(combinations(range(places), dimensions - 1)), dtype=np.int64).reshape(-1, dimensions - 1)
    ends = np.concatenate([np.full((len(bars), 1), -1), bars, np.full((len(bars), 1), places)], 1)
    return (np.diff(ends, axis=1) - 1) / partitions


def finest_lattice(dimensions: int, most: int) -> np.ndarray:
    """The finest ``simplex_lattice`` of at most ``most`` weights; at least that of one partition."""
    partitions = 1
    while comb(partitions + dimensions, dimensions - 1) <= most:
        partitions += 1
    return simplex_lattice(dimensions, partitions)


def faces(dimensions: int, points: int) -> np.ndarray:
    """The far faces of the unit cube: of a grid of ``points`` along each of D objectives, where one objective is 1.

    No front lies beyond them. There are ``n_faces`` of them, [n_faces, D].

    Reference:
        Jain et al., Multi-Objective GFlowNets, ICML 2023, arXiv 2210.12765; Roy et al. 2023, arXiv 2306.04620.
    """
    line = np.linspace(0.0, 1.0, points)
    grid = np.stack(np.meshgrid(*[line] * dimensions, indexing="ij"), -1).reshape(-1, dimensions)
    return grid[(grid == 1.0).any(1)]


def n_faces(dimensions: int, points: int) -> int:
    """How many points ``faces`` has."""
    return points**dimensions - (points - 1) ** dimensions
