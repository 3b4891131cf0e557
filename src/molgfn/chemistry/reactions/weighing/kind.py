"""Numbers of a molecule by which nearly all that it is not can be refused at little cost.

They are the same for a molecule sanitised or not: they read nothing but elements and which heavy atoms are bound.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from rdkit import Chem
from rdkit.Chem import Descriptors

#: elements, and heavy neighbours, up to which atoms are told apart
_ELEMENTS, _DEGREES = 128, 16
_RANDOM = random.Random(0)
#: of an element and a number of heavy neighbours, what an atom adds to a ``mark``
_MARKS = [[_RANDOM.getrandbits(52) for _ in range(_DEGREES)] for _ in range(_ELEMENTS)]


def kind(mol: Chem.Mol) -> int:
    """Of the weight of the heavy atoms and the number of their bonds."""
    heavy_bonds = mol.GetNumBonds() - (mol.GetNumAtoms() - mol.GetNumHeavyAtoms())
    return kind_of(Descriptors.HeavyAtomMolWt(mol), heavy_bonds)  # type: ignore[attr-defined]


def kind_of(weight: float, bonds: int) -> int:
    """Of the weight of all heavy atoms, in g/mol, and the number of bonds between them."""
    return (round(1000 * weight) << 16) + bonds


def near(number: int) -> tuple[int, int, int]:
    """What ``kind`` may be of the same molecule: sums of floating point numbers depend on their order."""
    return number - (1 << 16), number, number + (1 << 16)


def mark(mol: Chem.Mol) -> int:
    """Of the elements and degrees of all heavy atoms, a sum over them: it tells more than ``kind``, and costs more."""
    atoms = list(map(mol.GetAtomWithIdx, range(mol.GetNumAtoms())))
    if mol.GetNumHeavyAtoms() == len(atoms):
        return mark_of((atom.GetAtomicNum(), atom.GetDegree()) for atom in atoms)
    heavy = [atom for atom in atoms if atom.GetAtomicNum() != 1]
    return mark_of((a.GetAtomicNum(), sum(b.GetAtomicNum() != 1 for b in a.GetNeighbors())) for a in heavy)


def mark_of(atoms: Iterable[tuple[int, int]]) -> int:
    """Of atoms by atomic number and number of heavy neighbours."""
    return sum(_MARKS[element][min(degree, _DEGREES - 1)] for element, degree in atoms)
