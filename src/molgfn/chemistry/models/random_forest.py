"""Random forests over fingerprint bits, as plain arrays."""

from __future__ import annotations

import numpy as np

from molgfn.chemistry.models.bit_trees import children, require_trees
from molgfn.errors import DataError

#: molecules that go down the trees at once
CHUNK = 256
#: levels between two removals of those that have arrived at a leaf
LEVELS = 8


class RandomForest:
    """Mean over trees of the leaf that a fingerprint falls into; inner nodes ask for one bit each.

    Args:
        feature: bit that each of N nodes asks for, integers [N]; -1 at a leaf.
        left: node that follows where the bit is off, integers [N]; after the node itself. Ignored at a leaf.
        right: the same where it is on.
        value: probability at each node, float [N] in [0, 1]; those of leaves count.
        roots: first node of each of T trees, integers [T].
        bits: length of a fingerprint.
        where: file that the arrays are from, for messages.

    Raises:
        DataError: the arrays are not such a forest.
    """

    def __init__(
        self,
        *,
        feature: np.ndarray,
        left: np.ndarray,
        right: np.ndarray,
        value: np.ndarray,
        roots: np.ndarray,
        bits: int,
        where: str = "forest",
    ) -> None:
        require_trees(feature=feature, left=left, right=right, value=value, roots=roots, bits=bits, where=where)
        if not np.all((value >= 0) & (value <= 1)):
            raise DataError(f"{where}: value should be a probability in [0, 1]")
        self.bits = bits
        self._roots = roots.astype(np.int32)
        self._inner = feature >= 0
        self._feature = np.where(self._inner, feature, 0).astype(np.int32)
        self._child = children(feature, left, right).astype(np.int32)
        self._value = value.astype(np.float64)

    def probability(self, fingerprints: np.ndarray) -> np.ndarray:
        """Mean leaf value of each fingerprint (bool [B, bits]), float64 [B] in [0, 1]."""
        if fingerprints.ndim != 2 or fingerprints.shape[1] != self.bits:
            raise ValueError(f"fingerprints should be [B, {self.bits}], are {list(fingerprints.shape)}")
        parts = [self._part(fingerprints[i : i + CHUNK]) for i in range(0, len(fingerprints), CHUNK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _part(self, fingerprints: np.ndarray) -> np.ndarray:
        bits = np.ascontiguousarray(fingerprints, dtype=bool).view(np.uint8).ravel()
        trees, molecules = len(self._roots), len(fingerprints)
        leaf = np.empty(trees * molecules, dtype=np.int32)
        # one walker per tree and molecule, tree by tree, so that neighbours read the same nodes
        walker = np.arange(trees * molecules, dtype=np.int32)
        node = np.repeat(self._roots, molecules)
        offset = np.tile(np.arange(molecules, dtype=np.int32) * self.bits, trees)
        while len(walker):
            for _ in range(LEVELS):
                node = self._child.take(2 * node + bits.take(offset + self._feature.take(node)))
            going = self._inner.take(node)
            leaf[walker[~going]] = node[~going]
            walker, node, offset = walker[going], node[going], offset[going]
        return self._value[leaf].reshape(trees, molecules).sum(0) / trees
