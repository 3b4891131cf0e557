"""SA: synthetic accessibility score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from rdkit.Contrib.SA_Score import sascorer  # type: ignore[import-not-found]  # rdkit's stubs lack it

from molgfn.chemistry.molecules import Molecule
from molgfn.oracles.base import Oracle


class SA(Oracle):
    """Synthetic accessibility from 1 (easy to make) to 10 (hard): common fragments minus complexity.

    RDKit's version 1.1, whose fragment table (4 MB) is read at the first call, about a second.

    Reference:
        Ertl and Schuffenhauer, "Estimation of synthetic accessibility score of drug-like molecules",
        J. Cheminformatics 1, 8 (2009), doi:10.1186/1758-2946-1-8.
    """

    name: ClassVar[str] = "sa"
    range: ClassVar[tuple[float, float]] = (1.0, 10.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    source: ClassVar[str] = "rdkit.Contrib.SA_Score; Ertl and Schuffenhauer 2009, doi:10.1186/1758-2946-1-8"

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """SA score of each molecule, float64 [B]."""
        return np.array([sascorer.calculateScore(molecule.mol) for molecule in objects], dtype=np.float64)
