"""Counts of pharmacophoric environments: feature Morgan fingerprints, folded and sparse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from scipy.sparse import csr_array

RADIUS, BITS = 3, 2048
_GENERATOR = rdFingerprintGenerator.GetMorganGenerator(
    radius=RADIUS, fpSize=BITS, atomInvariantsGenerator=rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
)


def feature_counts(mols: Sequence[Chem.Mol]) -> csr_array:
    """Feature Morgan counts of radius 3 (like FCFC6), folded by identifier modulo 2048: float32, sparse, [B, 2048].

    Reference: Rogers and Hahn, "Extended-Connectivity Fingerprints", J. Chem. Inf. Model. 2010, 50, 742.
    """
    columns: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    for mol in mols:
        row = _GENERATOR.GetCountFingerprintAsNumPy(mol)
        where = row.nonzero()[0]
        columns.append(where)
        counts.append(row[where])
    ends = np.cumsum([0, *map(len, columns)])
    empty = [np.zeros(0, dtype=np.int64)]
    data = np.concatenate(counts or empty).astype(np.float32)
    return csr_array((data, np.concatenate(columns or empty), ends), shape=(len(columns), BITS))
