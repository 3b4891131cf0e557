"""TPSA: topological polar surface area."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from rdkit.Chem import rdMolDescriptors

from molgfn.chemistry.molecules import Molecule
from molgfn.oracles.base import Oracle


class TPSA(Oracle):
    """Topological polar surface area in square angstrom: contributions of N and O (S and P do not count).

    Less is declared better (permeability); for a window use a ``DoubleSigmoid``.

    Reference:
        Ertl, Rohde and Selzer, "Fast calculation of molecular polar surface area as a sum of fragment-based
        contributions", J. Med. Chem. 43, 3714 (2000), doi:10.1021/jm000942e.
    """

    name: ClassVar[str] = "tpsa"
    range: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    units: ClassVar[str] = "angstrom^2"
    source: ClassVar[str] = "rdkit.Chem.rdMolDescriptors.CalcTPSA; Ertl et al. 2000, doi:10.1021/jm000942e"

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """TPSA of each molecule, float64 [B]."""
        return np.array([rdMolDescriptors.CalcTPSA(molecule.mol) for molecule in objects], dtype=np.float64)
