"""What a policy sees of molecules with torsions: their graphs with what is rigid in space, and the angles so far.

Nothing here changes when the molecule is moved, turned, or turned about its rotors; a mirror image is told apart by the
signs of the offsets between branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rdkit import Chem
from torch import Tensor

from molgfn.chemistry.conformers.frame import Frame
from molgfn.chemistry.conformers.turning import dihedrals

#: elements with a number of their own; the others share one
ELEMENTS = (1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 35, 53)
HYBRIDS = (Chem.HybridizationType.SP, Chem.HybridizationType.SP2, Chem.HybridizationType.SP3)
BONDS = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC)
#: orders of symmetry that are told apart; what is higher counts as the last
ORDERS = (1, 2, 3, 6)
ATOM_FEATURES = len(ELEMENTS) + 1 + len(HYBRIDS) + 4
BOND_FEATURES = len(BONDS) + 3
ROTOR_FEATURES = len(ORDERS) + 6
#: multiples of an angle whose sines and cosines are shown
HARMONICS = (1, 2, 3)
WAVES = 2 * len(HARMONICS)
#: farthest bond between two rotors that is told apart
FARTHEST = 8
#: numbers that a molecule is told apart by where log Z is a function of it
DESCRIPTORS = 32


@dataclass(frozen=True)
class FrameGraphs:
    """The graphs of M molecules, n atoms and E directed bonds in all, D rotors at most.

    Attributes:
        atoms: float [n, ATOM_FEATURES].
        atom_molecule: int64 [n].
        bonds: int64 [2, E], rows of ``atoms``.
        bond_features: float [E, BOND_FEATURES].
        rotor_atoms: int64 [M, D, 4], rows of ``atoms`` of a, b, c, d; 0 where there is no rotor.
        rotor_features: float [M, D, ROTOR_FEATURES].
        rotor_there: bool [M, D].
        branch_rotor: int64 [b], for each branch at a rotor's b or c its rotor, m * D + k.
        branch_end: int64 [b], 0 at b, 1 at c.
        branch_atom: int64 [b], row of ``atoms``.
        branch_offset: float [b, 2], cosine and sine of the angle about the bond between a (or d) and the branch.
        apart: int64 [M, D, D], bonds between the nearest atoms of two rotors, at most FARTHEST.
        descriptors: float [M, DESCRIPTORS].
        period: float64 [M, D], radians, 0 where there is no rotor.
    """

    atoms: Tensor
    atom_molecule: Tensor
    bonds: Tensor
    bond_features: Tensor
    rotor_atoms: Tensor
    rotor_features: Tensor
    rotor_there: Tensor
    branch_rotor: Tensor
    branch_end: Tensor
    branch_atom: Tensor
    branch_offset: Tensor
    apart: Tensor
    descriptors: Tensor
    period: Tensor

    def to(self, device: torch.device | str) -> FrameGraphs:
        return FrameGraphs(**{name: value.to(device) for name, value in vars(self).items()})


@dataclass(frozen=True)
class TorsionBatch:
    """B states as a policy reads them.

    Attributes:
        molecule: int64 [B], row of ``graphs``.
        waves: float [B, D, WAVES], sines and cosines of the angles that are set, as shares of their periods; 0
            for the others.
        done: bool [B, D], the angle is set.
        graphs: the molecules.
    """

    molecule: Tensor
    waves: Tensor
    done: Tensor
    graphs: FrameGraphs

    @property
    def n_graphs(self) -> int:
        return len(self.molecule)


def graphs_of(frames: Sequence[Frame]) -> FrameGraphs:
    """The graphs of molecules, on the CPU."""
    most = max(frame.torsions for frame in frames)
    start, rows = 0, []
    rotor_atoms = np.zeros((len(frames), most, 4), dtype=np.int64)
    features = np.zeros((len(frames), most, ROTOR_FEATURES), dtype=np.float32)
    there = np.zeros((len(frames), most), dtype=bool)
    apart = np.zeros((len(frames), most, most), dtype=np.int64)
    period = np.zeros((len(frames), most))
    for m, frame in enumerate(frames):
        d = frame.torsions
        rotor_atoms[m, :d] = frame.atoms + start
        features[m, :d] = _rotors(frame)
        there[m, :d] = True
        bonds = Chem.GetDistanceMatrix(frame.mol)
        ends = frame.atoms[:, 1:3]
        apart[m, :d, :d] = np.minimum(bonds[ends[:, None, :, None], ends[None, :, None, :]].min((2, 3)), FARTHEST)
        period[m, :d] = frame.periods
        rows.append(
            (
                _atoms(frame.mol),
                np.full(len(frame.numbers), m),
                *_bonds(frame, start),
                *_branches(frame, start, m * most),
            )
        )
        start += len(frame.numbers)
    atoms, molecule, index, bond_features, branch, end, at, offset = (
        np.concatenate(parts, axis=1 if k == 2 else 0) for k, parts in enumerate(zip(*rows, strict=True))
    )
    arrays = (atoms, molecule, index, bond_features, rotor_atoms, features, there, branch, end, at, offset, apart)
    described = np.stack([descriptors(frame) for frame in frames])
    return FrameGraphs(*(torch.from_numpy(np.ascontiguousarray(array)) for array in (*arrays, described, period)))


def descriptors(frame: Frame) -> np.ndarray:
    """Counts that tell molecules apart, float32 [DESCRIPTORS]: torsions, elements, and folded atom environments."""
    from rdkit.Chem import rdFingerprintGenerator

    folded = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=DESCRIPTORS - 2)
    counts = folded.GetCountFingerprintAsNumPy(Chem.RemoveHs(frame.mol)).astype(np.float32)
    return np.concatenate([np.array([frame.torsions, len(frame.numbers) / 10], dtype=np.float32), np.log1p(counts)])


def _one_hot(value: object, among: tuple) -> list[float]:
    return [float(value == one) for one in among]


def _atoms(mol: Chem.Mol) -> np.ndarray:
    rows = [
        [
            *_one_hot(atom.GetAtomicNum(), ELEMENTS),
            float(atom.GetAtomicNum() not in ELEMENTS),
            *_one_hot(atom.GetHybridization(), HYBRIDS),
            float(atom.GetIsAromatic()),
            float(atom.IsInRing()),
            float(atom.GetFormalCharge()),
            atom.GetDegree() / 4,
        ]
        for atom in mol.GetAtoms()
    ]
    return np.array(rows, dtype=np.float32)


def _bonds(frame: Frame, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends int64 [2, E] and features [E, BOND_FEATURES]; each bond both ways."""
    place = frame.seed_positions
    ends, features = [], []
    for bond in frame.mol.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        row = [
            *_one_hot(bond.GetBondType(), BONDS),
            float(bond.IsInRing()),
            float(bond.GetIsConjugated()),
            float(np.linalg.norm(place[i] - place[j])),
        ]
        ends += [(i + start, j + start), (j + start, i + start)]
        features += [row, row]
    return np.array(ends, dtype=np.int64).T, np.array(features, dtype=np.float32)


def _rotors(frame: Frame) -> np.ndarray:
    """Order of symmetry, and what is rigid about a rotor: length of its bond, the two angles beside it, what moves."""
    place, n = frame.seed_positions, len(frame.numbers)
    out = []
    for rotor in frame.rotors:
        a, b, c, d = (place[i] for i in rotor.atoms)
        low, high = (_angle(x, y, z) for x, y, z in ((a, b, c), (b, c, d)))
        order = max(k for k in ORDERS if k <= rotor.order)
        out.append(
            [
                *_one_hot(order, ORDERS),
                float(np.linalg.norm(c - b)),
                *(np.cos(low), np.cos(high)),
                len(rotor.moving) / n,
                float(frame.mol.GetBondBetweenAtoms(*rotor.atoms[1:3]).GetIsConjugated()),
                float(frame.torsions) / 8,
            ]
        )
    return np.array(out, dtype=np.float32)


def _angle(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> float:
    one, two = x - y, z - y
    return float(np.arccos(np.clip(one @ two / np.linalg.norm(one) / np.linalg.norm(two), -1, 1)))


def _branches(frame: Frame, start: int, rotor: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every neighbour of b and of c, and how far about the bond it lies from a or d: signed, so that hands differ."""
    which, ends, atoms, offsets = [], [], [], []
    for k, (a, b, c, d) in enumerate(frame.atoms.tolist()):
        for end, (centre, other, by) in enumerate(((b, c, a), (c, b, d))):
            for neighbour in frame.mol.GetAtomWithIdx(centre).GetNeighbors():
                if (i := neighbour.GetIdx()) != other:
                    # the turn from `by` to the branch about the bond: a difference of dihedrals over the same axis
                    quads = np.array([[by, centre, other, by], [i, centre, other, by]])
                    turn = dihedrals(frame.seed_positions[None], quads)[0, 1] if i != by else 0.0
                    which.append(rotor + k)
                    ends.append(end)
                    atoms.append(i + start)
                    offsets.append([np.cos(turn), np.sin(turn)])
    return (
        np.array(which, dtype=np.int64),
        np.array(ends, dtype=np.int64),
        np.array(atoms, dtype=np.int64),
        np.array(offsets, dtype=np.float32),
    )
