"""Molecular weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from rdkit.Chem import Descriptors

from molgfn.chemistry.molecules import Molecule
from molgfn.oracles.base import Oracle


class Weight(Oracle):
    """Average molecular weight in g/mol: the sum of RDKit's standard atomic weights, hydrogens counted.

    Not the exact (monoisotopic) mass: ethanol has 46.069, not 46.042. An atom with a stated isotope counts with that
    isotope's mass; every part of a salt counts. Less is declared better; for a window use a ``DoubleSigmoid``.
    """

    name: ClassVar[str] = "weight"
    range: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    units: ClassVar[str] = "g/mol"
    source: ClassVar[str] = "rdkit.Chem.Descriptors.MolWt (average standard atomic weights)"

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Average weight of each molecule, float64 [B]."""
        return np.array([Descriptors.MolWt(molecule.mol) for molecule in objects], dtype=np.float64)  # type: ignore[attr-defined]
