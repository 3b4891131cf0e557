"""The volume element of torsion space: how much room in space an interval of torsion angles has."""

from __future__ import annotations

from typing import Literal

import numpy as np
from rdkit import Chem

from molgfn.chemistry.conformers.frame import Frame

#: how atoms count: not at all (d phi alone is the measure), each alike, or by its mass
Metric = Literal["none", "unit", "mass"]


def log_volume(frame: Frame, angles: np.ndarray, *, metric: Metric) -> np.ndarray:
    """log sqrt(det G) of shapes, float64 [B], less that of the seed geometry; 0 with ``metric="none"``.

    G [6 + D, 6 + D] = J^T W J of the positions' derivatives J by translation, rotation and the D torsions, with W the
    unit matrix or the atomic masses (u): positions x that differ in torsions and in place and turn alone have the
    volume sqrt(det G) dphi d(place) d(turn) (with masses: of the rigid-rotor model, whose momenta are integrated out).
    The potential -kT log sqrt(det G) is what leaving it out amounts to (Fixman 1974, doi:10.1073/pnas.71.8.3050; Go and
    Scheraga 1976, doi:10.1021/ma60052a013). It is the same wherever the molecule lies.

    Args:
        frame: of the molecule.
        angles: radians [B, D].
        metric: how atoms count.
    """
    if metric == "none":
        return np.zeros(len(angles))
    weights = np.ones(len(frame.numbers))
    if metric == "mass":
        table = Chem.GetPeriodicTable()
        weights = np.array([table.GetAtomicWeight(int(number)) for number in frame.numbers])
    own = _log_root_det(frame, frame.seed_positions[None], weights)
    return _log_root_det(frame, frame.positions(angles), weights) - own


def derivatives(frame: Frame, positions: np.ndarray) -> np.ndarray:
    """dx / d(phi_k), angstrom per radian [B, D, N, 3]: the larger side of each rotor stays where it is."""
    out = np.zeros((len(positions), frame.torsions, *positions.shape[1:]))
    for k, rotor in enumerate(frame.rotors):
        _, b, c, _ = rotor.atoms
        axis = positions[:, c] - positions[:, b]
        axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
        moving = list(rotor.moving)
        out[:, k, moving] = np.cross(axis[:, None], positions[:, moving] - positions[:, c, None])
    return out


def _log_root_det(frame: Frame, positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    centred = positions - np.average(positions, axis=1, weights=weights)[:, None]
    unit = np.eye(3)
    shifts = np.broadcast_to(unit[:, None], (len(positions), 3, *positions.shape[1:]))
    turns = np.stack([np.cross(unit[i], centred) for i in range(3)], axis=1)
    jacobian = np.concatenate([shifts, turns, derivatives(frame, positions)], axis=1)
    gram = np.einsum("bina,bjna,n->bij", jacobian, jacobian, weights, optimize=True)
    return 0.5 * np.linalg.slogdet(gram)[1]
