"""The density that a sampler of conformations is meant to have, as a function of torsions."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from molgfn.chemistry.conformers.frame import Frame
from molgfn.chemistry.conformers.metric import Metric, log_volume
from molgfn.evaluation.torsions.grid import LogDensity

#: kT in kcal/mol at 298.15 K
KT_298 = 0.5925


class Energy(Protocol):
    """What gives energies of a frame's shapes (``oracles.conformations.energy.ConformationEnergy``)."""

    def of_angles(self, frame: Frame, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Energies above the seed geometry in kcal/mol [n] first."""
        ...


def boltzmann_density(
    frame: Frame, energy: Energy, *, kt: float = KT_298, log_floor: float = -30.0, metric: Metric = "none"
) -> LogDensity:
    """log R = max(-E / kT, log_floor), with the volume element of torsion space added where ``metric`` asks for it.

    Args:
        frame: of the molecule.
        energy: the oracle; E is above the seed geometry.
        kt: kcal/mol, above 0; 1 / kt is the ``beta`` of a Boltzmann reward.
        log_floor: least log R, which shapes with clashes and those without an energy have.
        metric: see ``chemistry.conformers.metric``.
    """

    def log_density(angles: np.ndarray) -> np.ndarray:
        values = energy.of_angles(frame, angles)[0]
        log_r = np.maximum(np.where(np.isfinite(values), -values / kt, log_floor), log_floor)
        return log_r + log_volume(frame, angles, metric=metric)

    return log_density
