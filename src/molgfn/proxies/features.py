"""Molecules as graphs of whole numbers: what a trainable proxy sees of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem

#: raised when the same molecule gets other numbers; a proxy's file names the version that it was trained with
VERSION = 1

#: the elements with a column of their own; all others, and dummy atoms, share one more
ELEMENTS = (1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53)
_ELEMENT = np.full(256, len(ELEMENTS))
_ELEMENT[list(ELEMENTS)] = np.arange(len(ELEMENTS))
_HYBRID = np.full(64, 3)
_HYBRID[[int(Chem.HybridizationType.SP), int(Chem.HybridizationType.SP2), int(Chem.HybridizationType.SP3)]] = 0, 1, 2
_ORDER = np.full(64, 4)
_ORDER[[int(Chem.BondType.SINGLE), int(Chem.BondType.DOUBLE), int(Chem.BondType.TRIPLE)]] = 0, 1, 2
_ORDER[int(Chem.BondType.AROMATIC)] = 3

#: property of an atom -> how many values it may take; the values are columns, one property after the other
ATOM_PROPERTIES = {
    "element": len(ELEMENTS) + 1,
    "bonds": 7,  # to atoms in the graph; 6 stands for more
    "hydrogens": 5,  # 4 stands for more
    "charge": 5,  # -2 or less, -1, 0, 1, 2 or more
    "hybridisation": 4,  # sp, sp2, sp3, other
    "aromatic": 2,
    "smallest ring": 7,  # none, 3, 4, 5, 6, 7, larger
}
ATOM_COLUMNS = sum(ATOM_PROPERTIES.values())
_FIRST = np.cumsum([0, *ATOM_PROPERTIES.values()])[:-1]
#: kinds of bonds: 5 orders (single, double, triple, aromatic, other) x conjugated x in a ring
BOND_KINDS = 20


@dataclass(frozen=True)
class MoleculeGraphs:
    """B molecules with N atoms and E directed bonds in all.

    Attributes:
        atoms: the columns (of ``ATOM_COLUMNS``) that are 1 for each atom, one per property, int64 [N, 7]; the atoms of
            a molecule lie together.
        sizes: atoms of each molecule, int64 [B].
        bonds: directed bonds of each molecule, int64 [B]; every bond is there in both directions.
        source: atom that each bond leads from, counted within its molecule, int64 [E].
        target: atom that it leads to, int64 [E].
        kind: of each bond, int64 [E] in 0..19: 4 * order + 2 * conjugated + in a ring.
    """

    atoms: np.ndarray
    sizes: np.ndarray
    bonds: np.ndarray
    source: np.ndarray
    target: np.ndarray
    kind: np.ndarray

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, rows: np.ndarray) -> MoleculeGraphs:
        """The molecules of these rows, int64 [b], in this order."""
        sizes, bonds = self.sizes[rows], self.bonds[rows]
        atom = _ranges(np.cumsum(self.sizes)[rows] - sizes, sizes)
        bond = _ranges(np.cumsum(self.bonds)[rows] - bonds, bonds)
        return MoleculeGraphs(self.atoms[atom], sizes, bonds, self.source[bond], self.target[bond], self.kind[bond])

    def edges(self) -> np.ndarray:
        """Source and target of each bond, counted over the atoms of all molecules, int64 [2, E]."""
        start = np.repeat(np.cumsum(self.sizes) - self.sizes, self.bonds)
        return np.stack([self.source + start, self.target + start])


def molecule_graphs(mols: Sequence[Chem.Mol]) -> MoleculeGraphs:
    """Graphs of sanitised molecules: atoms without hydrogens (but for those that RDKit keeps), bonds both ways.

    Nothing depends on the order of the atoms, so stereo is not seen, nor are isotopes.
    """
    atoms: list[tuple[int, int, int, int, bool]] = []
    bonds: list[tuple[int, int, int, bool]] = []
    smallest: list[np.ndarray] = []
    ringed: list[np.ndarray] = []
    sizes = np.zeros(len(mols), dtype=np.int64)
    counts = np.zeros(len(mols), dtype=np.int64)
    for row, given in enumerate(mols):
        own = _atoms(given)
        mol = given
        if any(atom[0] == 1 for atom in own):  # explicit ones, which most molecules come without
            mol = Chem.RemoveHs(given)
            own = _atoms(mol)
        atoms += own
        between = [mol.GetBondWithIdx(i) for i in range(mol.GetNumBonds())]
        bonds += [
            (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondType(), bond.GetIsConjugated())
            for bond in between
        ]
        sizes[row], counts[row] = len(own), len(between)
        least, inside = _rings(mol, len(own), len(between))
        smallest.append(least)
        ringed.append(inside)
    begin, end, kind = _bond_columns(bonds, ringed)
    # each bond in both directions: b0 forth, b0 back, b1 forth, ...
    return MoleculeGraphs(
        atoms=_atom_columns(atoms, smallest, sizes, counts, np.concatenate([begin, end])),
        sizes=sizes,
        bonds=2 * counts,
        source=np.stack([begin, end], 1).reshape(-1),
        target=np.stack([end, begin], 1).reshape(-1),
        kind=np.repeat(kind, 2),
    )


def one_hot(atoms: np.ndarray) -> np.ndarray:
    """Float32 [N, ATOM_COLUMNS] from the columns that are 1, int64 [N, 7]."""
    features = np.zeros((len(atoms), ATOM_COLUMNS), dtype=np.float32)
    np.put_along_axis(features, atoms, 1.0, axis=1)
    return features


def _atoms(mol: Chem.Mol) -> list[tuple[int, int, int, int, bool]]:
    """Element, hydrogens, charge, hybridisation and aromaticity of each atom."""
    return [
        (a.GetAtomicNum(), a.GetTotalNumHs(), a.GetFormalCharge(), a.GetHybridization(), a.GetIsAromatic())
        for a in map(mol.GetAtomWithIdx, range(mol.GetNumAtoms()))
    ]


def _rings(mol: Chem.Mol, atoms: int, bonds: int) -> tuple[np.ndarray, np.ndarray]:
    """Size of each atom's smallest ring, 0 for none, int64 [atoms]; which bonds are in a ring, bool [bonds]."""
    least = np.zeros(atoms, dtype=np.int64)
    inside = np.zeros(bonds, dtype=bool)
    rings = mol.GetRingInfo()
    for ring in sorted(rings.AtomRings(), key=len, reverse=True):  # the smallest comes last and stays
        least[list(ring)] = len(ring)
    for ring in rings.BondRings():
        inside[list(ring)] = True
    return least, inside


def _atom_columns(
    atoms: list[tuple[int, int, int, int, bool]],
    smallest: list[np.ndarray],
    sizes: np.ndarray,
    counts: np.ndarray,
    ends: np.ndarray,
) -> np.ndarray:
    number, hydrogens, charge, hybrid, aromatic = np.array(atoms, dtype=np.int64).reshape(-1, 5).T
    start = np.repeat(np.cumsum(sizes) - sizes, counts)
    degree = np.bincount(ends + np.tile(start, 2), minlength=len(number))
    least = np.concatenate(smallest) if smallest else np.zeros(0, dtype=np.int64)
    values = [
        _ELEMENT[number],
        np.minimum(degree, 6),
        np.minimum(hydrogens, 4),
        np.clip(charge, -2, 2) + 2,
        _HYBRID[hybrid],
        aromatic,
        np.clip(least - 2, 0, 6),
    ]
    return np.stack(values, 1) + _FIRST


def _bond_columns(
    bonds: list[tuple[int, int, int, bool]], ringed: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    begin, end, order, conjugated = np.array(bonds, dtype=np.int64).reshape(-1, 4).T
    inside = np.concatenate(ringed) if ringed else np.zeros(0, dtype=bool)
    return begin, end, 4 * _ORDER[order] + 2 * conjugated + inside


def _ranges(first: np.ndarray, length: np.ndarray) -> np.ndarray:
    """first[0], first[0] + 1, ... for length[0], then the same from first[1], and so on."""
    return np.repeat(first - np.cumsum(length) + length, length) + np.arange(length.sum())
