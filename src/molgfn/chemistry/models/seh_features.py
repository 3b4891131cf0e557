"""Molecules as the graphs that the sEH proxy reads, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem

#: numbers per atom
FEATURES = 71
#: the features know the elements from hydrogen to barium
HEAVIEST = 56
#: kind of the bond from an atom to itself, which a molecule without bonds has; before it come the four kinds of bonds
LOOP = 4

# columns of the features; 5 is any other element; 6, 7, 8 and 70 are 0 in this model
_OTHER, _AROMATIC, _HYBRID, _HYDROGENS, _NUMBER = 5, 9, 10, 13, 14
_ELEMENT = np.full(HEAVIEST + 1, _OTHER)
_ELEMENT[[1, 6, 7, 8, 9]] = 0, 1, 2, 3, 4
_SP = int(Chem.HybridizationType.SP)  # SP2 and SP3 follow
# twice a bond's order -> its kind: single, double, triple, aromatic
_KIND = np.full(16, -1)
_KIND[[2, 4, 6, 3]] = 0, 1, 2, 3


@dataclass(frozen=True)
class ProxyGraphs:
    """B molecules with N atoms and E directed bonds in all.

    Attributes:
        features: of the atoms, float32 [N, 71]; those of a molecule lie together.
        sizes: atoms of each molecule, int64 [B].
        source: atom that each bond leads from, int64 [E]; every bond is there in both directions.
        target: atom that it leads to, int64 [E], ascending.
        kind: int64 [E]: 0 single, 1 double, 2 triple, 3 aromatic, 4 loop.
        rows: which of the molecules that were given these are, int64 [B], ascending.
    """

    features: np.ndarray
    sizes: np.ndarray
    source: np.ndarray
    target: np.ndarray
    kind: np.ndarray
    rows: np.ndarray


def proxy_graphs(mols: Sequence[Chem.Mol]) -> ProxyGraphs:
    """Graphs of sanitised molecules.

    Left out are molecules for which the features are not defined: with an atom beyond barium or a dummy atom, or with
    a bond that is not single, double, triple or aromatic (dative ones, for instance). A molecule without a bond gets
    a loop at its first atom, as in the published implementation.

    Reference:
        Bengio et al., "Flow Network based Generative Models for Non-Iterative Diverse Candidate Generation",
        NeurIPS 2021, arXiv 2106.04399.
    """
    numbers: list[int] = []
    aromatic: list[bool] = []
    hybrid: list[int] = []
    hydrogens: list[int] = []
    sizes: list[int] = []
    rows: list[int] = []
    bonds: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for row, mol in enumerate(mols):
        atoms = [mol.GetAtomWithIdx(i) for i in range(mol.GetNumAtoms())]
        elements = [atom.GetAtomicNum() for atom in atoms]
        joined = _bonds(mol)
        if joined is None or not elements or min(elements) < 1 or max(elements) > HEAVIEST:
            continue
        rows.append(row)
        sizes.append(len(atoms))
        bonds.append(joined)
        numbers += elements
        aromatic += [atom.GetIsAromatic() for atom in atoms]
        hybrid += [atom.GetHybridization() for atom in atoms]
        hydrogens += [atom.GetTotalNumHs(True) for atom in atoms]  # neighbours count, too
    size = np.array(sizes, dtype=np.int64)
    if not sizes:
        none = np.zeros(0, dtype=np.int64)
        return ProxyGraphs(np.zeros((0, FEATURES), np.float32), size, none, none, none, none)
    start = np.repeat(np.cumsum(size) - size, [len(kind) for _, _, kind in bonds])
    target, source, kind = (np.concatenate(part) for part in zip(*bonds, strict=True))
    return ProxyGraphs(
        features=_features(np.array(numbers), np.array(aromatic), np.array(hybrid, dtype=np.int64), hydrogens),
        sizes=size,
        source=source + start,
        target=target + start,
        kind=kind,
        rows=np.array(rows, dtype=np.int64),
    )


def _bonds(mol: Chem.Mol) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Target, source and kind of the bonds of one molecule; None where there is another kind of bond."""
    count = mol.GetNumBonds()
    if count == 0:
        zero = np.zeros(1, dtype=np.int64)
        return zero, zero, zero + LOOP
    # rdkit keeps the matrix on the molecule under this prefix; without it, others would get orders for adjacency
    orders = Chem.GetAdjacencyMatrix(mol, True, 0, True, "seh_proxy")
    target, source = orders.nonzero()
    kind = _KIND[(2 * orders[target, source]).astype(np.int64)]
    # a dative bond counts for one of its atoms only, one without an order for neither
    return None if len(kind) != 2 * count or kind.min() < 0 else (target, source, kind)


def _features(numbers: np.ndarray, aromatic: np.ndarray, hybrid: np.ndarray, hydrogens: list[int]) -> np.ndarray:
    """Float32 [N, 71] from the atoms' properties [N]."""
    atom = np.arange(len(numbers))
    features = np.zeros((len(numbers), FEATURES), dtype=np.float32)
    features[atom, _ELEMENT[numbers]] = 1
    features[:, _AROMATIC] = aromatic
    features[:, _HYDROGENS] = hydrogens
    features[atom, _NUMBER + numbers - 1] = 1
    known = (hybrid >= _SP) & (hybrid <= _SP + 2)
    features[atom[known], _HYBRID + hybrid[known] - _SP] = 1
    return features
