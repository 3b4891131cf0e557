"""Parallel tempering over torsions: the reference where a grid has too many points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from molgfn.chemistry.conformers.turning import wrapped
from molgfn.errors import ConfigError
from molgfn.evaluation.torsions.grid import LogDensity

#: share of proposals that turn an angle to anywhere; the others turn it a little
_ANYWHERE = 0.3


@dataclass(frozen=True)
class Tempered:
    """What parallel tempering found.

    Attributes:
        angles: radians [M, D], samples of the density, from all chains after the burn-in.
        log_density: their log R, [M].
        log_z: of d phi in radians over one period of each angle, by stepping stones along the ladder (Xie et al. 2011,
            doi:10.1093/sysbio/syq085).
        halves: log Z by the first and by the second half of what was kept: how far they are apart says how far it is
            from settled.
        accepted: share of the moves that were accepted at each temperature [L].
        swapped: share of the exchanges that were accepted between neighbours [L - 1].
        calls: shapes whose density was asked for.
    """

    angles: np.ndarray
    log_density: np.ndarray
    log_z: float
    halves: tuple[float, float]
    accepted: np.ndarray
    swapped: np.ndarray
    calls: int


def parallel_tempering(
    log_density: LogDensity,
    periods: np.ndarray,
    *,
    steps: int = 2000,
    burn_in: float = 0.2,
    chains: int = 32,
    ladder: tuple[float, ...] = (0.0, 0.05, 0.12, 0.25, 0.45, 0.7, 1.0),
    thin: int = 5,
    width: float = 0.3,
    seed: int = 0,
) -> Tempered:
    """Samples of exp(log R) over angles, by chains at several temperatures that exchange their places.

    Every step turns one angle of each copy (a Metropolis step, to anywhere or by a normal draw), then neighbours of the
    ladder exchange (Geyer 1991; Earl and Deem 2005, doi:10.1039/B509983H). At the temperature 0 of the ladder each
    step is a new even draw. All copies are asked for at once.

    Args:
        log_density: log R of angles [n, D]; may be -inf.
        periods: radians [D].
        steps: of each chain.
        burn_in: share of the steps that is left out, in [0, 1).
        chains: independent ones.
        ladder: inverse temperatures, rising from 0 (the even density) to 1.
        thin: every so many steps a sample is kept.
        width: standard deviation of a small turn, as a share of half the period.
        seed: of all draws.

    Raises:
        ConfigError: the ladder does not rise from 0 to 1, or nothing is left to keep.
    """
    rungs = np.array(ladder)
    if len(rungs) < 2 or rungs[0] != 0 or rungs[-1] != 1 or (np.diff(rungs) <= 0).any():
        raise ConfigError(f"ladder: inverse temperatures should rise from 0 to 1, are {ladder}")
    first = int(burn_in * steps)
    if (steps - first) // thin < 2:
        raise ConfigError(f"steps: of {steps} steps fewer than two samples are kept")
    rng = np.random.default_rng(seed)
    levels, d = len(rungs), len(periods)
    shape = (levels, chains)

    def even(n: int) -> np.ndarray:
        return (rng.random((n, d)) - 0.5) * periods

    at = even(levels * chains).reshape(*shape, d)
    value = log_density(at.reshape(-1, d)).reshape(shape)
    calls = levels * chains
    accepted, swapped, kept = np.zeros(levels), np.zeros(levels - 1), []
    for step in range(steps):
        proposal = _moved(at, periods, width, rng)
        proposal[0] = even(chains)
        there = log_density(proposal.reshape(-1, d)).reshape(shape)
        calls += levels * chains
        take = np.log(rng.random(shape)) < _gain(rungs[:, None], there, value)
        at, value = np.where(take[..., None], proposal, at), np.where(take, there, value)
        if step >= first:
            accepted += take.mean(1)
        for low in range(step % 2, levels - 1, 2):
            gain = (rungs[low + 1] - rungs[low]) * (_finite(value[low]) - _finite(value[low + 1]))
            swap = np.log(rng.random(chains)) < gain
            for array in (at, value):
                array[low, swap], array[low + 1, swap] = array[low + 1, swap].copy(), array[low, swap].copy()
            if step >= first:
                swapped[low] += 2 * swap.mean()  # each pair is tried every second step
        if step >= first and (step - first) % thin == 0:
            kept.append((at[-1].copy(), value.copy()))
    values = np.stack([v for _, v in kept], axis=1).reshape(levels, -1)
    half = len(kept) // 2 * chains
    volume = float(np.log(periods).sum())
    return Tempered(
        angles=np.concatenate([a for a, _ in kept]),
        log_density=values[-1],
        log_z=_stepping_stones(rungs, values) + volume,
        halves=(_stepping_stones(rungs, values[:, :half]) + volume, _stepping_stones(rungs, values[:, half:]) + volume),
        accepted=accepted / (steps - first),
        swapped=swapped / (steps - first),
        calls=calls,
    )


def _moved(at: np.ndarray, periods: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    """One angle of each copy turned."""
    which = rng.integers(len(periods), size=at.shape[:-1])
    half = periods[which] / 2
    near = rng.normal(size=which.shape) * width * half
    by = np.where(rng.random(which.shape) < _ANYWHERE, (2 * rng.random(which.shape) - 1) * half, near)
    out = at.copy()
    np.put_along_axis(out, which[..., None], np.take_along_axis(out, which[..., None], -1) + by[..., None], -1)
    return wrapped(out, periods)


def _finite(value: np.ndarray) -> np.ndarray:
    """-inf as a number so low that no exchange with it is ever kept, and 0 * value is 0."""
    return np.maximum(value, -1e300)


def _gain(rung: np.ndarray, there: np.ndarray, here: np.ndarray) -> np.ndarray:
    return rung * (_finite(there) - _finite(here))


def _stepping_stones(rungs: np.ndarray, values: np.ndarray) -> float:
    """log of the mean of R over the even density: the product of means of R^(step) at each rung but the last."""
    steps = np.diff(rungs)[:, None] * _finite(values[:-1])
    return float((logsumexp(steps, axis=1) - np.log(values.shape[1])).sum())
