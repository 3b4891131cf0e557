"""Tanimoto similarity of molecules to references whose fingerprints are computed once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molgfn.chemistry.pharmacophores import SIZE, pharmacophore

#: ecfp: Morgan, fcfp: Morgan over pharmacophoric atom features (the digit is the diameter); ap: atom pairs up to 10
#: bonds apart; phco: pairs and triples of Gobbi's pharmacophore features
Fingerprint: TypeAlias = Literal["ecfp4", "ecfp6", "fcfp4", "fcfp6", "ap", "phco"]
#: size of a fingerprint of bits, other than phco
BITS = 2048


class References:
    """Reference molecules.

    Args:
        mols: at least one; without explicit hydrogens.
        fingerprint: which.
        counts: compare how often each environment occurs, unfolded (sum of minima over sum of maxima), as GuacaMol
            does; else which of 2048 bits are set. ``phco`` knows only whether.
    """

    def __init__(self, mols: Sequence[Chem.Mol], fingerprint: Fingerprint, *, counts: bool) -> None:
        self.fingerprint: Fingerprint = fingerprint
        self.counts = counts
        if fingerprint == "phco":
            self._keys = np.zeros((len(mols), SIZE), dtype=bool)
            for row, mol in zip(self._keys, mols, strict=True):
                row[pharmacophore(mol)] = True
            self._sizes = self._keys.sum(axis=1)
        else:
            self._vectors = self._fingerprints(mols)

    def tanimoto(self, mols: Sequence[Chem.Mol]) -> np.ndarray:
        """Similarity in [0, 1] of each molecule to each reference, float64 [B, references].

        Two molecules without any feature (two single atoms, for pairs of atoms) have similarity 1.
        """
        if self.fingerprint == "phco":
            return np.array([self._shared(pharmacophore(mol)) for mol in mols]).reshape(len(mols), len(self._keys))
        vectors = self._fingerprints(mols)
        columns = np.empty((len(mols), len(self._vectors)))
        for column, reference in enumerate(self._vectors):
            columns[:, column] = DataStructs.BulkTanimotoSimilarity(reference, vectors)
            if _empty(reference):
                columns[:, column] = [_empty(vector) for vector in vectors]
        return columns

    def _shared(self, keys: np.ndarray) -> np.ndarray:
        both = self._keys[:, keys].sum(axis=1)
        either = self._sizes + len(keys) - both
        return np.divide(both, either, out=np.ones(len(both)), where=either > 0)

    def _fingerprints(self, mols: Sequence[Chem.Mol]) -> list[Any]:
        generator = _generator(self.fingerprint)
        make = generator.GetSparseCountFingerprint if self.counts else generator.GetFingerprint
        return [make(mol) for mol in mols]


@cache
def _generator(fingerprint: Fingerprint) -> Any:
    """RDKit's generator; module-wide, because generators cannot be pickled and references can."""
    if fingerprint == "ap":
        return rdFingerprintGenerator.GetAtomPairGenerator(maxDistance=10, fpSize=BITS)
    features = rdFingerprintGenerator.GetMorganFeatureAtomInvGen() if fingerprint.startswith("fcfp") else None
    radius = int(fingerprint[-1]) // 2
    return rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=BITS, atomInvariantsGenerator=features)


def _empty(vector: Any) -> bool:
    return (vector.GetTotalVal() if hasattr(vector, "GetTotalVal") else vector.GetNumOnBits()) == 0
