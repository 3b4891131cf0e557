"""Molecular formulas: reading them, and counting the atoms of molecules."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from molgfn.chemistry.desirabilities import geometric_mean, near

_ELEMENT = re.compile(r"([A-Z][a-z]?)(\d*)")


def parse_formula(formula: str) -> dict[str, int]:
    """Element -> number of atoms of, say, ``C9H10N2O2PF2Cl``, in the order in which they are written.

    Raises:
        ValueError: It is not made of elements and numbers, or an element comes twice.
    """
    found = _ELEMENT.findall(formula)
    counts = {element: int(number or 1) for element, number in found}
    if not found or "".join(a + b for a, b in found) != formula or len(counts) < len(found):
        raise ValueError(f"{formula!r} is not a molecular formula such as C9H10N2O2PF2Cl")
    return counts


def atom_counts(mols: Sequence[Chem.Mol], elements: Sequence[str]) -> np.ndarray:
    """Atoms of each element, float64 [B, len(elements)], implicit hydrogens and isotopes counted."""
    counts = np.zeros((len(mols), len(elements)))
    columns = {element: column for column, element in enumerate(elements)}
    for row, mol in zip(counts, mols, strict=True):
        for element, number in _ELEMENT.findall(rdMolDescriptors.CalcMolFormula(mol)):
            if (column := columns.get(element)) is not None:
                row[column] = int(number or 1)
    return counts


def total_atoms(mols: Sequence[Chem.Mol]) -> np.ndarray:
    """All atoms of each molecule, float64 [B], implicit hydrogens counted."""
    return np.array([mol.GetNumAtoms(onlyExplicit=False) for mol in mols], dtype=np.float64)


class FormulaMatch:
    """How near molecules come to a molecular formula, in [0, 1], by GuacaMol's measure.

    The geometric mean over the elements of the formula of exp(-d^2 / 2), d the difference in atoms of that element, and
    over all atoms together, of whatever element, of exp(-(d / 2)^2 / 2).

    Reference:
        Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    def __init__(self, formula: str) -> None:
        self.formula = parse_formula(formula)

    def __call__(self, mols: Sequence[Chem.Mol]) -> np.ndarray:
        """Nearness of each molecule, float64 [B]."""
        counts = atom_counts(mols, list(self.formula))
        parts = [near(column, mu, 1.0) for column, mu in zip(counts.T, self.formula.values(), strict=True)]
        return geometric_mean([*parts, near(total_atoms(mols), sum(self.formula.values()), 2.0)])
