"""The molecules that were met, as arrays that batches are gathered from; RDKit sees each once, when it is asked for."""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from molgfn.chemistry.reactions.library import ReactionLibrary

#: atomic numbers that have a type of their own; all others share the last type
ELEMENTS = (1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53)
_TYPE = {number: i for i, number in enumerate(ELEMENTS)}
NODE_TYPES = len(ELEMENTS) + 1
#: charge, hydrogens, neighbours, aromatic, in a ring, R, S
ATOM_FEATURES = 7
_BONDS = {Chem.BondType.SINGLE: 0, Chem.BondType.DOUBLE: 1, Chem.BondType.TRIPLE: 2, Chem.BondType.AROMATIC: 3}
BOND_TYPES = 5
#: in a ring, E, Z
BOND_FEATURES = 3
#: bits of the fingerprints that networks read
FINGERPRINT = 512
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=FINGERPRINT, includeChirality=True)


def fingerprint(mol: Chem.Mol) -> np.ndarray:
    """Morgan bits of radius 2 with chirality, uint8 [``FINGERPRINT``]."""
    return _MORGAN.GetFingerprintAsNumPy(mol)


class MoleculeTable:
    """Molecules by number, in the order in which they were met.

    Most are met as what another one may have come from, and nobody looks at them: a row is filled when it is read.

    Args:
        library: says which slots a molecule fits.
        open_slots: bool [S], slots whose reaction has a partner for every other slot.

    Attributes:
        smiles: canonical, of each.
        types: int8 [M, A], the type of each atom, -1 where there is none.
        atoms: int8 [M, A, ATOM_FEATURES].
        ends: int16 [M, E, 2], atoms of each bond, -1 where there is none.
        bonds: int8 [M, E, 1 + BOND_FEATURES], type, then features.
        The rows of these that ``draw`` was asked for are filled.
    """

    def __init__(self, library: ReactionLibrary, open_slots: np.ndarray) -> None:
        self._library, self._open = library, open_slots
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self.smiles: list[str] = []
        self._number: dict[str, int] = {}
        self._slots = np.zeros((64, len(self._open)), dtype=bool)
        self.types = np.full((64, 32), -1, dtype=np.int8)
        self.atoms = np.zeros((64, 32, ATOM_FEATURES), dtype=np.int8)
        self.ends = np.full((64, 32, 2), -1, dtype=np.int16)
        self.bonds = np.zeros((64, 32, 1 + BOND_FEATURES), dtype=np.int8)
        self._prints = np.zeros((64, FINGERPRINT), dtype=np.uint8)
        #: of ``_slots``, of the arrays of atoms and bonds, and of ``_prints``: rows that are filled
        self._fitted, self._drawn, self._printed = (np.zeros(64, dtype=bool) for _ in range(3))

    def __len__(self) -> int:
        return len(self.smiles)

    def number(self, smiles: str) -> int:
        """Of a canonical SMILES."""
        found = self._number.get(smiles)
        if found is None:
            found = self._number[smiles] = len(self.smiles)
            self.smiles.append(smiles)
            self._make_room(found + 1)
        return found

    def fits(self, numbers: np.ndarray) -> np.ndarray:
        """bool [m, S], slots that may be filled by molecules int64 [m]: it fits, and there are partners."""
        for row in _missing(self._fitted, numbers):
            self._slots[row] = self._library.fits(self.smiles[row]) & self._open
            self._fitted[row] = True
        return self._slots[numbers]

    def fingerprints(self, numbers: np.ndarray) -> np.ndarray:
        """uint8 [m, FINGERPRINT], of molecules int64 [m]."""
        for row in _missing(self._printed, numbers):
            self._prints[row] = fingerprint(self._library.molecule(self.smiles[row]))
            self._printed[row] = True
        return self._prints[numbers]

    def draw(self, numbers: np.ndarray) -> None:
        """Fill the arrays of atoms and bonds of molecules int64 [m]."""
        for row in _missing(self._drawn, numbers):
            self._draw(row, self._library.molecule(self.smiles[row]))
            self._drawn[row] = True

    def _draw(self, row: int, mol: Chem.Mol) -> None:
        text, atoms, bonds = self.smiles[row], mol.GetNumAtoms(), mol.GetNumBonds()
        self._widen(atoms, bonds)
        # most molecules have no stereo, which their SMILES says at once; by number atoms come faster than by iteration
        centres, directed = "@" in text, "/" in text or "\\" in text
        types, features = [], []
        for atom in map(mol.GetAtomWithIdx, range(atoms)):
            cip = atom.GetProp("_CIPCode") if centres and atom.HasProp("_CIPCode") else ""
            types.append(_TYPE.get(atom.GetAtomicNum(), len(ELEMENTS)))
            features.append(
                (
                    atom.GetFormalCharge(),
                    atom.GetTotalNumHs(),
                    atom.GetDegree(),
                    atom.GetIsAromatic(),
                    atom.IsInRing(),
                    cip == "R",
                    cip == "S",
                )
            )
        self.types[row, :atoms] = types
        self.atoms[row, :atoms] = features
        if not bonds:
            return
        ends, features = [], []
        for bond in map(mol.GetBondWithIdx, range(bonds)):
            ends.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
            stereo = bond.GetStereo() if directed else None
            features.append(
                (
                    _BONDS.get(bond.GetBondType(), BOND_TYPES - 1),
                    bond.IsInRing(),
                    stereo == Chem.BondStereo.STEREOE,
                    stereo == Chem.BondStereo.STEREOZ,
                )
            )
        self.ends[row, :bonds] = ends
        self.bonds[row, :bonds] = features

    def _make_room(self, rows: int) -> None:
        if rows <= len(self._slots):
            return
        rows = _doubled(len(self._slots), rows)
        self._slots = _grown(self._slots, (rows, self._slots.shape[1]), False)
        self._prints = _grown(self._prints, (rows, FINGERPRINT), 0)
        self._fitted, self._drawn, self._printed = (
            _grown(known, (rows,), False) for known in (self._fitted, self._drawn, self._printed)
        )
        self._size(rows, self.types.shape[1], self.ends.shape[1])

    def _widen(self, atoms: int, bonds: int) -> None:
        atoms, bonds = _doubled(self.types.shape[1], atoms), _doubled(self.ends.shape[1], bonds)
        self._size(len(self.types), atoms, bonds)

    def _size(self, rows: int, atoms: int, bonds: int) -> None:
        self.types = _grown(self.types, (rows, atoms), -1)
        self.atoms = _grown(self.atoms, (rows, atoms, ATOM_FEATURES), 0)
        self.ends = _grown(self.ends, (rows, bonds, 2), -1)
        self.bonds = _grown(self.bonds, (rows, bonds, 1 + BOND_FEATURES), 0)


def _missing(filled: np.ndarray, numbers: np.ndarray) -> list[int]:
    """The molecules whose rows are not filled yet, each once."""
    return np.unique(numbers[~filled[numbers]]).tolist()


def _doubled(size: int, needed: int) -> int:
    while size < needed:
        size *= 2
    return size


def _grown(array: np.ndarray, shape: tuple[int, ...], fill: int | bool) -> np.ndarray:
    """``array`` within a larger one of this shape; itself where that is its shape."""
    if array.shape == shape:
        return array
    out = np.full(shape, fill, dtype=array.dtype)
    out[tuple(slice(0, n) for n in array.shape)] = array
    return out
