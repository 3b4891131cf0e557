"""A sampler of one molecule's shapes beside what is true of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molgfn.chemistry.conformers.frame import Frame
from molgfn.errors import ConfigError
from molgfn.evaluation.torsions.agreement import (
    coarser,
    effective_share,
    jensen_shannon,
    log_mean_weight,
    torsion_histograms,
)
from molgfn.evaluation.torsions.grid import LogDensity, TorsionGrid, torsion_grid
from molgfn.evaluation.torsions.tempering import Tempered, parallel_tempering

#: bins of a torsion's histogram
BINS = 36
#: torsions up to which a grid is the reference
MOST_ON_GRID = 3


@dataclass(frozen=True)
class Compared:
    """How far samples of one molecule's torsions are from the truth.

    Attributes:
        smiles: the molecule.
        reference: "grid of 720^2" or "parallel tempering".
        log_z: of the reference, nats, d phi in radians over one period of each angle.
        log_z_importance: of the samples, log mean R / P_T.
        log_z_error: its standard error.
        effective_share: ESS / N of the weights R / P_T.
        jsd: Jensen-Shannon divergence of each torsion's histogram (36 bins) from the reference, nats [D].
        jsd_weighted: the same with the samples weighted by R / P_T.
        jsd_noise: the same of as many independent draws from the reference, what is left of a perfect sampler.
        mean_log_reward: of the samples, and of the reference.
    """

    smiles: str
    reference: str
    log_z: float
    log_z_importance: float
    log_z_error: float
    effective_share: float
    jsd: np.ndarray
    jsd_weighted: np.ndarray
    jsd_noise: np.ndarray
    mean_log_reward: tuple[float, float]


def compared(
    frame: Frame,
    log_density: LogDensity,
    angles: np.ndarray,
    log_p: np.ndarray,
    *,
    points: int | None = None,
    steps: int = 2000,
    seed: int = 0,
) -> Compared:
    """Samples with their log P_T beside a grid (up to three torsions) or parallel tempering.

    Args:
        frame: of the molecule.
        log_density: log R of angles.
        angles: radians [M, D], reduced.
        log_p: log P_T of each, density over d phi, [M].
        points: of the grid along each angle, a multiple of ``BINS``; None: 720 for one or two, 180 for three.
        steps: of parallel tempering.
        seed: of parallel tempering and of the independent draws.

    Raises:
        ConfigError: ``points`` is no multiple of ``BINS``.
    """
    d, periods = frame.torsions, frame.periods
    rng = np.random.default_rng(seed)
    log_r = log_density(angles)
    log_w = log_r - log_p
    truth: TorsionGrid | Tempered
    if d <= MOST_ON_GRID:
        points = points or (720 if d < MOST_ON_GRID else 180)
        if points % BINS:
            raise ConfigError(f"points: {points} is no multiple of {BINS}, the bins of a histogram")
        truth = torsion_grid(log_density, periods, points)
        name, true = f"grid of {points}^{d}", np.stack([coarser(truth.marginal(k), BINS) for k in range(d)])
        drawn, mean = truth.draw(len(angles), rng), float((truth.probabilities * truth.log_density).sum())
    else:
        truth = parallel_tempering(log_density, periods, steps=steps, seed=seed)
        name, true = "parallel tempering", torsion_histograms(truth.angles, periods, bins=BINS)
        drawn = truth.angles[rng.integers(len(truth.angles), size=len(angles))]
        mean = float(truth.log_density.mean())
    log_z, error = log_mean_weight(log_w)
    weights = np.exp(log_w - log_w.max())
    return Compared(
        smiles=frame.smiles,
        reference=name,
        log_z=truth.log_z,
        log_z_importance=log_z,
        log_z_error=error,
        effective_share=effective_share(log_w),
        jsd=jensen_shannon(torsion_histograms(angles, periods, bins=BINS), true),
        jsd_weighted=jensen_shannon(torsion_histograms(angles, periods, bins=BINS, weights=weights), true),
        jsd_noise=jensen_shannon(torsion_histograms(drawn, periods, bins=BINS), true),
        mean_log_reward=(float(log_r.mean()), mean),
    )
