"""Gradient-boosted regression trees over bits, as plain arrays."""

from __future__ import annotations

import numpy as np

from molgfn.chemistry.models.bit_trees import children, require_trees
from molgfn.errors import DataError

#: rows that go down the trees at once
CHUNK = 4096


class BoostedTrees:
    """A baseline plus, for each tree, the value of the leaf that a row of bits falls into.

    Args:
        feature: bit that each of N nodes asks for, integers [N]; -1 at a leaf.
        left: node that follows where the bit is off, integers [N]; after the node itself. Ignored at a leaf.
        right: the same where it is on.
        value: of each node, float [N]; those of leaves count.
        roots: first node of each of T trees, integers [T].
        baseline: what the trees are added to.
        bits: length of a row.
        where: file that the arrays are from, for messages.

    Raises:
        DataError: the arrays are not such trees.
    """

    def __init__(
        self,
        *,
        feature: np.ndarray,
        left: np.ndarray,
        right: np.ndarray,
        value: np.ndarray,
        roots: np.ndarray,
        baseline: float,
        bits: int,
        where: str = "trees",
    ) -> None:
        require_trees(feature=feature, left=left, right=right, value=value, roots=roots, bits=bits, where=where)
        if not np.isfinite(value).all() or not np.isfinite(baseline):
            raise DataError(f"{where}: a value is not a finite number")
        self.bits, self.baseline = bits, baseline
        self.feature, self.left, self.right = (x.astype(np.int64) for x in (feature, left, right))
        self.value, self.roots = value.astype(np.float64), roots.astype(np.int64)
        self._inner = feature >= 0
        self._bit = np.where(self._inner, feature, 0).astype(np.int64)
        self._child = children(feature, left, right).astype(np.int64)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Value of each row of bits (bool [B, bits]), float64 [B]."""
        if rows.ndim != 2 or rows.shape[1] != self.bits:
            raise ValueError(f"rows should be [B, {self.bits}], are {list(rows.shape)}")
        parts = [self._part(rows[i : i + CHUNK]) for i in range(0, len(rows), CHUNK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _part(self, rows: np.ndarray) -> np.ndarray:
        bits = np.ascontiguousarray(rows, dtype=bool).view(np.uint8).ravel()
        offset = np.arange(len(rows)) * self.bits
        node = np.repeat(self.roots[:, None], len(rows), 1)
        while self._inner[node].any():
            node = self._child[2 * node + bits[offset + self._bit[node]]]
        return self.baseline + self.value[node].sum(0)
