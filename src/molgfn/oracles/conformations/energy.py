"""What energies of conformations have in common: above the seed geometry, and what is too tight to be computed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from molgfn.chemistry.conformers.clashes import clashes
from molgfn.chemistry.conformers.frame import Frame
from molgfn.docstrings import attributes_in_docstring
from molgfn.objects.base import ObjectKind
from molgfn.objects.conformation import CONFORMATION, Conformations
from molgfn.oracles.base import Oracle

#: kcal/mol above the seed geometry that a shape counts as whose atoms lie in each other, where it is not computed
CLASHED = 10_000.0


@attributes_in_docstring
class ConformationEnergy(Oracle):
    """Energy of each shape above that of its molecule's seed geometry, in kcal/mol, and what it was made of.

    Components: ``energy``, as the method has it; ``clashes``, pairs of atoms at least four bonds apart that are nearer
    than half the sum of their van der Waals radii. A method that cannot compute shapes with clashes does not: they
    count as ``CLASHED``, which a Boltzmann reward's ``log_floor`` takes; the lowest energies are never clamped.
    """

    #: shapes of molecules
    kind: ClassVar[ObjectKind] = CONFORMATION
    #: any number; below 0 is a shape lower than the seed geometry
    range: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    #: less is better
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    #: of the value and of ``energy``
    units: ClassVar[str] = "kcal/mol"
    #: shapes with clashes are not computed
    skips_clashes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._seed_energy: dict[str, float] = {}

    @abstractmethod
    def energies(self, frame: Frame, positions: np.ndarray) -> np.ndarray:
        """Energies in kcal/mol, float64 [n], of positions in angstrom [n, N, 3]; raises where the molecule has none."""

    @property
    def component_names(self) -> tuple[str, ...]:
        return ("energy", "clashes")

    def values(self, objects: Sequence) -> np.ndarray:
        """Energy of each shape above its seed geometry in kcal/mol, float64 [B]."""
        return self.measure(objects)[0]

    def measure(self, objects: Sequence) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Energies above the seed geometry [B], and the components ``energy`` and ``clashes``."""
        shapes = objects if isinstance(objects, Conformations) else Conformations.of(list(objects))
        value, energy, near = (np.full(len(shapes), np.nan) for _ in range(3))
        for frame, rows, angles in shapes.by_frame():
            value[rows], energy[rows], near[rows] = self.of_angles(frame, angles)
        return value, {"energy": energy, "clashes": near}

    def of_angles(self, frame: Frame, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Energies above the seed geometry, energies, and clashes, [n] each, at torsions [n, D] in radians."""
        if frame.name not in self._seed_energy:
            self._seed_energy[frame.name] = float(self.energies(frame, frame.seed_positions[None])[0])
        seed = self._seed_energy[frame.name]
        positions = frame.positions(angles)
        near = clashes(frame, positions)
        energy = np.full(len(angles), seed + CLASHED)
        asked = near == 0 if self.skips_clashes else np.ones(len(angles), dtype=bool)
        if asked.any():
            energy[asked] = self.energies(frame, positions[asked])
        return energy - seed, energy, near.astype(np.float64)
