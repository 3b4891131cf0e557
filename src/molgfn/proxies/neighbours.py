"""How near molecules are to those that a proxy was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from rdkit import Chem
from torch import Tensor

from molgfn.chemistry.fingerprints import BITS, fingerprints

#: molecules that get fingerprints at once, to bound memory
CHUNK = 4096


class Neighbours:
    """Fingerprints of N molecules, kept as the positions of their set bits (about 80 bytes each; no structure).

    Args:
        bits: set bits of the Morgan fingerprints (radius 2, 2048 bits), of one molecule after the other, int16 [S].
        sizes: how many each molecule has, int16 [N].

    Reference: Sheridan et al., "Similarity to molecules in the training set is a good discriminator for prediction
        accuracy in QSAR", J. Chem. Inf. Comput. Sci. 44, 1912 (2004), doi:10.1021/ci049782w.
    """

    def __init__(self, bits: Tensor, sizes: Tensor) -> None:
        self.bits, self.sizes = bits, sizes
        positions, self._counts = bits.numpy(), sizes.numpy().astype(np.int64)
        order = np.argsort(positions, kind="stable")
        #: the molecules of bit 0, then those of bit 1 ...
        self._holders = np.repeat(np.arange(len(self._counts), dtype=np.int32), self._counts)[order]
        self._first = np.searchsorted(positions[order], np.arange(BITS + 1))

    @classmethod
    def of(cls, mols: Sequence[Chem.Mol]) -> Neighbours:
        """Of these molecules."""
        pieces = [fingerprints(_bare(mols[i : i + CHUNK])) for i in range(0, len(mols), CHUNK)]
        bits = np.concatenate([piece.nonzero()[1] for piece in pieces])
        sizes = np.concatenate([piece.sum(1) for piece in pieces])
        return cls(torch.from_numpy(bits.astype(np.int16)), torch.from_numpy(sizes.astype(np.int16)))

    def __len__(self) -> int:
        return len(self._counts)

    def similarity(self, mols: Sequence[Chem.Mol]) -> np.ndarray:
        """Tanimoto similarity of each molecule to the nearest of the N, float64 [B] in [0, 1]; 1: an equal one."""
        pieces = [self._nearest(mols[i : i + CHUNK]) for i in range(0, len(mols), CHUNK)]
        return np.concatenate(pieces) if pieces else np.zeros(0)

    def _nearest(self, mols: Sequence[Chem.Mol]) -> np.ndarray:
        out = np.empty(len(mols))
        for row, fingerprint in enumerate(fingerprints(_bare(mols))):
            on = np.flatnonzero(fingerprint)  # every molecule has at least one bit, that of an atom
            shared = np.concatenate([self._holders[self._first[b] : self._first[b + 1]] for b in on])
            both = np.bincount(shared, minlength=len(self))
            out[row] = (both / (self._counts + len(on) - both)).max()
        return out

    def plain(self) -> dict[str, Tensor]:
        """As it goes into a file."""
        return {"bits": self.bits, "sizes": self.sizes}


def _bare(mols: Sequence[Chem.Mol]) -> list[Chem.Mol]:
    """Without hydrogens that are atoms, as the networks see them."""
    return [m if m.GetNumHeavyAtoms() == m.GetNumAtoms() else Chem.RemoveHs(m) for m in mols]


def problem_of(plain: object) -> str | None:
    """Why ``plain`` is not what ``Neighbours.plain`` gave; None: it is."""
    if not isinstance(plain, dict) or set(plain) != {"bits", "sizes"}:
        return "should be `bits` and `sizes`"
    bits, sizes = plain["bits"], plain["sizes"]
    if not all(isinstance(x, Tensor) and x.dtype == torch.int16 and x.ndim == 1 for x in (bits, sizes)):
        return "`bits` and `sizes` should be int16 [S] and [N]"
    if not len(sizes) or int(sizes.min()) < 0 or int(sizes.sum()) != len(bits):
        return "`sizes` do not add up to the number of `bits`"
    return None if not len(bits) or 0 <= int(bits.min()) <= int(bits.max()) < BITS else "a bit is out of range"
