"""Crippen's logP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from rdkit.Chem import rdMolDescriptors

from molgfn.chemistry.molecules import Molecule
from molgfn.oracles.base import Oracle


class LogP(Oracle):
    """Octanol-water partition coefficient, log10, as a sum of Wildman-Crippen atom contributions (no penalties).

    Unbounded in principle. More is declared better, as in the usual benchmarks; for a window use a ``DoubleSigmoid``.

    Reference:
        Wildman and Crippen, "Prediction of physicochemical parameters by atomic contributions",
        J. Chem. Inf. Comput. Sci. 39, 868 (1999), doi:10.1021/ci990307l.
    """

    name: ClassVar[str] = "logp"
    range: ClassVar[tuple[float, float]] = (float("-inf"), float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = (
        "rdkit.Chem.rdMolDescriptors.CalcCrippenDescriptors; Wildman and Crippen 1999, doi:10.1021/ci990307l"
    )

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """The logP of each molecule, float64 [B]."""
        return np.array(
            [rdMolDescriptors.CalcCrippenDescriptors(molecule.mol)[0] for molecule in objects], dtype=np.float64
        )
