"""Atoms that come too close."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from molgfn.chemistry.conformers.frame import Frame


def far_pairs(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Atoms i < j at least four bonds apart, int64 [P, 2], and the sums of their van der Waals radii, angstrom [P]."""
    bonds = Chem.GetDistanceMatrix(frame.mol)
    pairs = np.argwhere(np.triu(bonds >= 4, 1))
    table = Chem.GetPeriodicTable()
    radii = np.array([table.GetRvdw(int(number)) for number in frame.numbers])
    return pairs, radii[pairs].sum(1)


def clashes(frame: Frame, positions: np.ndarray, *, share: float = 0.5) -> np.ndarray:
    """How many pairs of atoms at least four bonds apart are nearer than ``share`` of their radii's sum, int64 [B].

    Args:
        frame: whose atoms they are.
        positions: angstrom [B, N, 3].
        share: of the sum of van der Waals radii (Bondi 1964, as RDKit has them), above 0. At .5 (1.2 A for two
            hydrogens, 1.7 for two carbons) no shape is counted that has a place among the populated ones.
    """
    pairs, radii = far_pairs(frame)
    near = np.zeros(len(positions), dtype=np.int64)
    for start in range(0, len(positions), 4096):  # the pairs of a million shapes would fill the memory
        part = positions[start : start + 4096]
        apart = np.linalg.norm(part[:, pairs[:, 0]] - part[:, pairs[:, 1]], axis=-1)
        near[start : start + 4096] = (apart < share * radii).sum(1)
    return near
