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
# four times a bond's order -> single, double, triple, aromatic; 4 is any other
_ORDER = np.full(32, 4)
_ORDER[[4, 8, 12, 6]] = 0, 1, 2, 3
#: added to the order of a bond in a ring, and the order that stands for "any other"
_IN_RING, _OTHER = 100.0, 0.25

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
#: kinds of bonds: 5 orders (single, double, triple, aromatic, other) x in a ring
BOND_KINDS = 10


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
        kind: of each bond, int64 [E] in 0..9: 2 * order + in a ring.
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

    Nothing depends on the order of the atoms, so stereo is not seen, nor are isotopes. A dative bond is a single one.
    """
    atoms: list[tuple[int, int, int, int, bool]] = []
    smallest: list[int] = []
    bonds: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    sizes: list[int] = []
    for given in mols:
        mol, own = given, _atoms(given)
        if any(atom[0] == 1 for atom in own):  # explicit ones, which most molecules come without
            mol = Chem.RemoveHs(given)
            own = _atoms(mol)
        rings = sorted(mol.GetRingInfo().AtomRings(), key=len, reverse=True)
        least = [0] * len(own)
        for ring in rings:  # the smallest comes last and stays
            for atom in ring:
                least[atom] = len(ring)
        atoms += own
        smallest += least
        bonds.append(_bonds(mol, rings))
        sizes.append(len(own))
    size = np.array(sizes, dtype=np.int64)
    counts = np.array([len(order) for _, _, order in bonds], dtype=np.int64)
    nothing = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
    source, target, order = (np.concatenate(part) for part in zip(*(bonds or [nothing]), strict=True))
    degree = np.bincount(source + np.repeat(np.cumsum(size) - size, counts), minlength=len(atoms))
    ringed = order > _IN_RING
    order = _ORDER[(4 * (order - _IN_RING * ringed)).astype(np.int64)]
    return MoleculeGraphs(_columns(atoms, smallest, degree), size, counts, source, target, 2 * order + ringed)


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


def _bonds(mol: Chem.Mol, rings: list[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, target and order (more than ``_IN_RING`` in a ring) of the directed bonds of one molecule."""
    # rdkit keeps the matrix on the molecule under this prefix; without it, others would get orders for adjacency
    orders = Chem.GetAdjacencyMatrix(mol, True, 0, True, "proxy")
    if np.count_nonzero(orders) != 2 * mol.GetNumBonds():  # dative bonds count one way, those without an order no way
        for bond in mol.GetBonds():
            ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            orders[ends] = orders[ends[::-1]] = bond.GetBondTypeAsDouble() or _OTHER
    if rings:
        one = [atom for ring in rings for atom in ring]
        next_one = [atom for ring in rings for atom in (*ring[1:], ring[0])]
        # a bond may stand there several times, and is marked once
        orders[one + next_one, next_one + one] += _IN_RING
    source, target = orders.nonzero()
    return source, target, orders[source, target]


def _columns(atoms: list[tuple[int, int, int, int, bool]], smallest: list[int], degree: np.ndarray) -> np.ndarray:
    """The columns that are 1 for each atom, int64 [N, 7]."""
    number, hydrogens, charge, hybrid, aromatic = np.array(atoms, dtype=np.int64).reshape(-1, 5).T
    values = [
        _ELEMENT[number],
        np.minimum(degree, 6),
        np.minimum(hydrogens, 4),
        np.clip(charge, -2, 2) + 2,
        _HYBRID[hybrid],
        aromatic,
        np.clip(np.array(smallest, dtype=np.int64) - 2, 0, 6),
    ]
    return np.stack(values, 1) + _FIRST


def _ranges(first: np.ndarray, length: np.ndarray) -> np.ndarray:
    """first[0], first[0] + 1, ... for length[0], then the same from first[1], and so on."""
    return np.repeat(first - np.cumsum(length) + length, length) + np.arange(length.sum())
