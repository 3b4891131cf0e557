"""HOMO-LUMO gap from a semi-empirical calculation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from molgfn.chemistry.conformers import conformer
from molgfn.chemistry.molecules import Molecule
from molgfn.oracles.base import Oracle
from molgfn.oracles.physics.tight_binding import (
    BOHR_IN_ANGSTROM,
    ELECTRONVOLTS_PER_HARTREE,
    calculator_class,
    closed_shell,
)


class XTBGap(Oracle):
    """HOMO-LUMO gap of the isolated molecule in GFN2-xTB, in eV, at one force-field geometry.

    The geometry is one conformer (``chemistry.conformers``: ETKDGv3 and MMFF94, or UFF) and is not relaxed further, the
    charge is the formal one, all electrons are paired. Orbital gaps of GFN2-xTB rank molecules and are smaller than
    those of hybrid functionals, such as QM9's. About 0.1 s for 40 atoms, growing with the third power. Needs
    ``pip install -c constraints.txt '.[xtb]'`` (in the clone; tblite).

    It raises for what it cannot do: several pieces (salts), unpaired electrons, no conformer, no empty orbital, no
    convergence.

    Args:
        direction: which way is better.
        seed: of the conformer, together with the molecule's SMILES.

    Raises:
        ConfigError: tblite is not installed.

    Reference:
        Bannwarth, Ehlert and Grimme, J. Chem. Theory Comput. 2019, 15, 1652, doi:10.1021/acs.jctc.8b01176.
    """

    name: ClassVar[str] = "xtb_gap"
    range: ClassVar[tuple[float, float]] = (0.0, 30.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    units: ClassVar[str] = "eV"
    source: ClassVar[str] = "GFN2-xTB in tblite; Bannwarth et al. 2019, doi:10.1021/acs.jctc.8b01176"

    def __init__(
        self,
        *,
        direction: Literal["maximise", "minimise"] = "maximise",
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        self.direction = direction  # type: ignore[misc]
        self.seed = seed
        self._calculator = calculator_class(self.name)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Gap of each molecule in eV, float64 [B]."""
        return np.array([self._gap(molecule) for molecule in objects], dtype=np.float64)

    def _gap(self, molecule: Molecule) -> float:
        mol = conformer(molecule, seed=self.seed)
        numbers, charge = closed_shell(mol, molecule.smiles, "the gap")
        positions = mol.GetConformer().GetPositions() / BOHR_IN_ANGSTROM
        calculator = self._calculator("GFN2-xTB", numbers, positions, charge=float(charge), uhf=0)
        calculator.set("verbosity", 0)
        result = calculator.singlepoint()
        energies = result.get("orbital-energies")
        # the sum is whole though the levels are smeared (300 K)
        occupied = round(float(result.get("orbital-occupations").sum()) / 2)
        if not 0 < occupied < len(energies):
            raise ValueError(f"{molecule.smiles}: has no gap: {occupied} of {len(energies)} orbitals are filled")
        return float(energies[occupied] - energies[occupied - 1]) * ELECTRONVOLTS_PER_HARTREE
