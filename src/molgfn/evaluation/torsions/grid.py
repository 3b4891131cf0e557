"""Quadrature on a grid of torsions: log Z, marginals and free energies, as good as exact for two or three angles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import logsumexp

from molgfn.errors import ConfigError

#: log R, float64 [n], of torsions in radians [n, D]
LogDensity = Callable[[np.ndarray], np.ndarray]
#: points that a grid may have
MOST_POINTS = 20_000_000
_AT_ONCE = 65_536


@dataclass(frozen=True)
class TorsionGrid:
    """log R on a grid of D periodic angles, at the middle of each cell.

    The mean over a period of a smooth periodic function converges faster than any power of the spacing, so that log Z
    is exact to the digits that the energies have once the grid resolves the peaks.

    Attributes:
        axes: D arrays of angles in radians, evenly spaced over one period each.
        log_density: log R, float64, of as many points along each dimension.
    """

    axes: tuple[np.ndarray, ...]
    log_density: np.ndarray

    @property
    def log_cell(self) -> float:
        """log of the volume of a cell, radians^D."""
        return float(sum(np.log(axis[1] - axis[0]) for axis in self.axes))

    @cached_property
    def log_z(self) -> float:
        """log of the integral of R over one period of each angle, d phi in radians."""
        return float(np.asarray(logsumexp(self.log_density))) + self.log_cell

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Probability of each cell, in the shape of ``log_density``."""
        p = np.exp(self.log_density - self.log_density.max())
        return p / p.sum()

    def marginal(self, *kept: int) -> np.ndarray:
        """Probabilities of the cells of the angles ``kept``, all others summed over."""
        others = tuple(k for k in range(len(self.axes)) if k not in kept)
        return self.probabilities.sum(axis=others)

    def free_energy(self, i: int, j: int, kt: float) -> np.ndarray:
        """-kT log p of two angles, the least 0, in the units of ``kt``; infinite where nothing is."""
        with np.errstate(divide="ignore"):
            energy = -kt * np.log(self.marginal(i, j))
        return energy - energy.min()

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Angles [n, D]: cells by their probabilities, evenly within a cell."""
        cells = rng.choice(self.probabilities.size, size=n, p=self.probabilities.ravel())
        at = np.stack(np.unravel_index(cells, self.probabilities.shape), axis=1)
        middles = np.stack([axis[at[:, k]] for k, axis in enumerate(self.axes)], axis=1)
        widths = np.array([axis[1] - axis[0] for axis in self.axes])
        return middles + (rng.random(middles.shape) - 0.5) * widths


def torsion_grid(log_density: LogDensity, periods: np.ndarray, points: int) -> TorsionGrid:
    """The grid of a density over D angles.

    Args:
        log_density: asked in batches.
        periods: radians [D]; each angle goes over [-period / 2, period / 2).
        points: along each angle, at least 2.

    Raises:
        ConfigError: fewer than two points, or more than ``MOST_POINTS`` in all.
    """
    d = len(periods)
    if points < 2 or points**d > MOST_POINTS:
        raise ConfigError(
            f"points: {points} along each of {d} angles; should be at least 2, and {MOST_POINTS:,} in all"
        )
    axes = tuple((np.arange(points) + 0.5) / points * period - period / 2 for period in periods)
    found = np.empty(points**d)
    for start in range(0, len(found), _AT_ONCE):
        cells = np.unravel_index(np.arange(start, min(start + _AT_ONCE, len(found))), (points,) * d)
        found[start : start + _AT_ONCE] = log_density(np.stack([axes[k][cells[k]] for k in range(d)], axis=1))
    return TorsionGrid(axes, found.reshape((points,) * d))
