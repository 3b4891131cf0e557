"""Positions from torsions and torsions from positions, for many shapes of one molecule at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molgfn.chemistry.conformers.rotors import Rotor


def dihedrals(positions: np.ndarray, atoms: np.ndarray) -> np.ndarray:
    """Dihedral angles in [-pi, pi], IUPAC's sign (as RDKit's), float64 [B, D], of atoms int64 [D, 4].

    Args:
        positions: [B, N, 3].
        atoms: a, b, c, d of each angle.
    """
    a, b, c, d = (positions[:, atoms[:, i]] for i in range(4))
    axis = c - b
    one, two = np.cross(b - a, axis), np.cross(axis, d - c)
    sine = np.einsum("bdx,bdx->bd", np.cross(one, two), axis) / np.linalg.norm(axis, axis=-1)
    return np.arctan2(sine, np.einsum("bdx,bdx->bd", one, two))


def turned(positions: np.ndarray, rotors: Sequence[Rotor], angles: np.ndarray) -> np.ndarray:
    """One geometry turned about each rotor by its own angles, float64 [B, N, 3].

    Bond lengths, bond angles and the larger side of each rotor's molecule part stay. The order of rotors does not
    matter: each turn is about the bond where it then is, so it changes no other torsion.

    Args:
        positions: [N, 3], the geometry to start from.
        rotors: D of them.
        angles: radians [B, D], by how much each is turned.
    """
    out = np.repeat(positions[None], len(angles), 0)
    for k, rotor in enumerate(rotors):
        _, b, c, _ = rotor.atoms
        moving = list(rotor.moving)
        origin = out[:, c, None]
        axis = out[:, c] - out[:, b]
        axis = (axis / np.linalg.norm(axis, axis=-1, keepdims=True))[:, None]
        arm = out[:, moving] - origin
        cos, sin = np.cos(angles[:, k])[:, None, None], np.sin(angles[:, k])[:, None, None]
        along = (arm * axis).sum(-1, keepdims=True) * axis
        out[:, moving] = origin + along + (arm - along) * cos + np.cross(axis, arm) * sin
    return out


def wrapped(angles: np.ndarray, period: np.ndarray | float = 2 * np.pi) -> np.ndarray:
    """Angles in [-period / 2, period / 2)."""
    half = np.asarray(period) / 2
    return (angles + half) % (2 * half) - half
