"""MinMax (count Tanimoto) similarity of Morgan count fingerprints, all rows of two sets at once, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from scipy import sparse

SIZE = 2048
#: a folded count may not be larger: no molecule of the field has so many equal environments
MOST = 256


def count_rows(mols: Sequence[Chem.Mol], radius: int) -> sparse.csr_matrix:
    """Morgan counts up to ``radius``, folded to 2048, each count c written as c ones: float32 [B, 2048 x 256], sparse.

    Column ``256 bit + level`` is 1 where the count of ``bit`` is more than ``level``. So the product of two rows is
    the sum of the minima of their counts, which no rounding touches.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=SIZE)
    columns, ends = [], [0]
    for mol in mols:
        counts = generator.GetCountFingerprint(mol).GetNonzeroElements()
        bits = np.fromiter(counts.keys(), np.int64, len(counts))
        times = np.minimum(np.fromiter(counts.values(), np.int64, len(counts)), MOST)
        order = np.argsort(bits)
        bits, times = bits[order], times[order]
        level = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        columns.append(np.repeat(bits, times) * MOST + level)
        ends.append(ends[-1] + len(level))
    indices = np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)
    ones = np.ones(len(indices), dtype=np.float32)
    return sparse.csr_matrix((ones, indices.astype(np.int32), ends), shape=(len(mols), SIZE * MOST))


def minmax(a: sparse.csr_matrix, b: sparse.csr_matrix) -> np.ndarray:
    """Sum of minima over sum of maxima of the counts of each row of ``a`` [A] with each of ``b`` [B], float64 [A, B].

    In [0, 1]; a positive definite kernel. Two rows without a count are equal (1).

    Reference: Ralaivola et al., "Graph kernels for chemical informatics", Neural Networks 2005, 18, 1093 (MinMax).
    """
    least = (a @ b.T).toarray().astype(np.float64)
    size_a, size_b = (np.diff(rows.indptr).astype(np.float64) for rows in (a, b))
    most = size_a[:, None] + size_b[None, :] - least
    return np.divide(least, most, out=np.ones_like(least), where=most > 0)
