"""Gradient-boosted regression trees over bits, as plain arrays."""

from __future__ import annotations

import numpy as np

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
        node, inner = np.arange(len(feature)), feature >= 0
        if feature.min() < -1 or feature.max() >= bits:
            raise DataError(
                f"{where}: feature should be a bit in 0..{bits - 1} or -1, is {feature.min()}..{feature.max()}"
            )
        for name, child in {"left": left, "right": right}.items():
            # children come later, so every way down ends
            if not np.all((node < child)[inner] & (child < len(node))[inner]):
                raise DataError(f"{where}: {name} of a node should be a later one of the {len(node)} nodes")
        if not np.isfinite(value).all() or not np.isfinite(baseline):
            raise DataError(f"{where}: a value is not a finite number")
        self.bits, self.baseline = bits, baseline
        self.feature, self.left, self.right = (x.astype(np.int64) for x in (feature, left, right))
        self.value, self.roots = value.astype(np.float64), roots.astype(np.int64)
        self._bit = np.where(inner, feature, 0).astype(np.int64)
        # a leaf leads to itself
        self._child = np.where(inner, [left, right], node).T.astype(np.int64).ravel()
        self._inner = inner

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
