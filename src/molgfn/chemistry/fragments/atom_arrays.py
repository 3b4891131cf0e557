"""Atoms and bonds of each fragment of a vocabulary as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molgfn.chemistry.fragments.fragment import Fragment


@dataclass(frozen=True)
class AtomArrays:
    """K fragments of at most A atoms, M bonds and P attachment points, padded.

    Attributes:
        element: int64 [K, A], atomic number, 0 on pads.
        charge: int64 [K, A].
        bonds: int64 [K, M, 2], atoms at both ends, 0 on pads.
        order: int64 [K, M], twice the bond order, 0 on pads.
        atom_of_point: int64 [K, P], the atom of each attachment point, 0 on pads.
    """

    element: np.ndarray
    charge: np.ndarray
    bonds: np.ndarray
    order: np.ndarray
    atom_of_point: np.ndarray

    @classmethod
    def of(cls, fragments: Sequence[Fragment]) -> AtomArrays:
        mols = [fragment.mol() for fragment in fragments]
        k = len(mols)
        a, m = max(mol.GetNumAtoms() for mol in mols), max(max(mol.GetNumBonds() for mol in mols), 1)
        p = max(max(len(fragment.points) for fragment in fragments), 1)
        out = cls(
            element=np.zeros((k, a), np.int64),
            charge=np.zeros((k, a), np.int64),
            bonds=np.zeros((k, m, 2), np.int64),
            order=np.zeros((k, m), np.int64),
            atom_of_point=np.zeros((k, p), np.int64),
        )
        for i, (fragment, mol) in enumerate(zip(fragments, mols, strict=True)):
            for atom in mol.GetAtoms():
                out.element[i, atom.GetIdx()] = atom.GetAtomicNum()
                out.charge[i, atom.GetIdx()] = atom.GetFormalCharge()
            for j, bond in enumerate(mol.GetBonds()):
                out.bonds[i, j] = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
                out.order[i, j] = round(2 * bond.GetBondTypeAsDouble())
            out.atom_of_point[i, : len(fragment.points)] = fragment.points
        return out
