"""Tight-binding energies of conformations."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from molgfn.chemistry.conformers.frame import Frame
from molgfn.oracles.conformations.energy import ConformationEnergy
from molgfn.oracles.physics.tight_binding import (
    BOHR_IN_ANGSTROM,
    KCAL_PER_HARTREE,
    calculator_class,
    closed_shell,
)


class XTBEnergy(ConformationEnergy):
    """GFN2-xTB energy of a conformation above its seed geometry, in kcal/mol: the molecule alone, nothing relaxed.

    Each shape is computed from scratch, so that its value does not depend on what was asked before: about 10 ms for 15
    atoms, growing with the third power; ``scoring.workers`` shares the work. Needs
    ``pip install -c constraints.txt '.[xtb]'`` (in the clone; tblite). Shapes whose atoms lie in each other are not
    computed (``ConformationEnergy``). It raises for unpaired electrons and where the charges do not converge.

    Args:
        method: GFN2-xTB, or its predecessor. tblite has no GFN-FF.

    Raises:
        ConfigError: tblite is not installed.

    Reference:
        Bannwarth, Ehlert and Grimme, J. Chem. Theory Comput. 2019, 15, 1652, doi:10.1021/acs.jctc.8b01176.
    """

    name: ClassVar[str] = "xtb_energy"
    source: ClassVar[str] = "GFN2-xTB in tblite; Bannwarth et al. 2019, doi:10.1021/acs.jctc.8b01176"
    skips_clashes: ClassVar[bool] = True

    def __init__(self, *, method: Literal["GFN2-xTB", "GFN1-xTB"] = "GFN2-xTB") -> None:
        super().__init__()
        self.method = method
        self._calculator = calculator_class(self.name)

    def energies(self, frame: Frame, positions: np.ndarray) -> np.ndarray:
        numbers, charge = closed_shell(frame.mol, frame.smiles, "the energy")
        found = []
        for place in positions:
            calculator = self._calculator(
                self.method, numbers, np.ascontiguousarray(place) / BOHR_IN_ANGSTROM, charge=float(charge), uhf=0
            )
            calculator.set("verbosity", 0)
            found.append(float(calculator.singlepoint().get("energy")) * KCAL_PER_HARTREE)
        return np.array(found, dtype=np.float64)
