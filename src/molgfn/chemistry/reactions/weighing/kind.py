"""A number of a molecule by which nearly all that it is not can be refused at little cost."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import Descriptors


def kind(mol: Chem.Mol) -> int:
    """A number of the weight of the heavy atoms and their bonds, the same for a molecule sanitised or not."""
    heavy_bonds = mol.GetNumBonds() - (mol.GetNumAtoms() - mol.GetNumHeavyAtoms())
    return kind_of(Descriptors.HeavyAtomMolWt(mol), heavy_bonds)  # type: ignore[attr-defined]


def kind_of(weight: float, bonds: int) -> int:
    """Of the weight of all heavy atoms, in g/mol, and the number of bonds between them."""
    return (round(1000 * weight) << 16) + bonds


def near(number: int) -> tuple[int, int, int]:
    """What ``kind`` may be of the same molecule: sums of floating point numbers depend on their order."""
    return number - (1 << 16), number, number + (1 << 16)
