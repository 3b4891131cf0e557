"""Morgan fingerprints as bit matrices, and Tanimoto similarity between all rows at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molgfn.chemistry.molecules import Molecule, mols_of

RADIUS, BITS = 2, 2048
_GENERATOR = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


def fingerprints(mols: Sequence[Chem.Mol]) -> np.ndarray:
    """Morgan bits of radius 2 (like ECFP4), bool [B, 2048].

    Reference: Rogers and Hahn, "Extended-Connectivity Fingerprints", J. Chem. Inf. Model. 2010, 50, 742.
    """
    bits = np.zeros((len(mols), BITS), dtype=bool)
    for row, mol in zip(bits, mols, strict=True):
        row[:] = _GENERATOR.GetFingerprintAsNumPy(mol)
    return bits


def bit_vectors(mols: Sequence[Chem.Mol]) -> list[DataStructs.ExplicitBitVect]:
    """The same ``fingerprints`` as RDKit's own objects, for its pickers."""
    return [_GENERATOR.GetFingerprint(mol) for mol in mols]


def morgan(molecules: Sequence[Molecule]) -> np.ndarray:
    """``fingerprints`` of ``Molecule`` objects, bool [B, 2048]; an invalid one raises ``ValueError``."""
    return fingerprints(mols_of(molecules))


def tanimoto(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tanimoto similarity of each row of ``a`` [A, F] with each row of ``b`` [B, F], float32 [A, B] in [0, 1].

    Two rows without a bit are equal (similarity 1).
    """
    x, y = a.astype(np.float32, copy=False), b.astype(np.float32, copy=False)
    both = x @ y.T
    either = x.sum(1)[:, None] + y.sum(1)[None, :] - both
    return np.divide(both, either, out=np.ones_like(both), where=either > 0)
