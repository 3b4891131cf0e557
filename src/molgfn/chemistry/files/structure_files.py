"""Positions of atoms from files of structures, and the box around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rdkit import Chem

from molgfn.errors import DataError

#: the kinds of files that ``read_positions`` takes
SUFFIXES = (".pdb", ".pdbqt", ".sdf", ".mol", ".mol2")


def read_positions(path: str | Path) -> np.ndarray:
    """Positions of all atoms of the first structure in a file, float64 [N, 3], in angstrom.

    Args:
        path: ``.pdb`` or ``.pdbqt`` (the first MODEL), ``.sdf`` or ``.mol`` (the first record), or ``.mol2``. Bonds and
            valences need not make sense.

    Raises:
        DataError: the file cannot be read, is of another kind, or holds no atom.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise DataError(f"{path}: should be a file of the kind {', '.join(SUFFIXES)}")
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    positions = _columns(path, text) if kind in (".pdb", ".pdbqt") else _rdkit(text, kind)
    if not len(positions):
        raise DataError(f"{path}: holds no atom with a position")
    return positions


def box_around(positions: np.ndarray, padding: float) -> tuple[np.ndarray, np.ndarray]:
    """The box of atoms [N, 3]: its centre [3] and its edges [3], ``padding`` wider on every side, in angstrom."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    return (low + high) / 2, high - low + 2 * padding


def _columns(path: Path, text: str) -> np.ndarray:
    """PDB and PDBQT: x, y and z stand in the columns 31 to 54 of each atom."""
    rows: list[tuple[float, float, float]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("ENDMDL"):
            break
        if line.startswith(("ATOM", "HETATM")):
            try:
                rows.append((float(line[30:38]), float(line[38:46]), float(line[46:54])))
            except ValueError:
                raise DataError(f"{path}, line {number}: no position in the columns 31 to 54: {line[:54]}") from None
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _rdkit(text: str, kind: str) -> np.ndarray:
    read = Chem.MolFromMol2Block if kind == ".mol2" else Chem.MolFromMolBlock
    mol = read(text, sanitize=False, removeHs=False)
    if mol is None or mol.GetNumConformers() == 0:
        return np.zeros((0, 3))
    return np.asarray(mol.GetConformer().GetPositions(), dtype=np.float64)
