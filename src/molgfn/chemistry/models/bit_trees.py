"""Trees whose inner nodes ask for one bit each, as plain arrays: what all models of them need."""

from __future__ import annotations

import numpy as np

from molgfn.errors import DataError


def require_trees(
    *,
    feature: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    value: np.ndarray,
    roots: np.ndarray,
    bits: int,
    where: str,
) -> None:
    """Refuse arrays that are no such trees.

    Args:
        feature: bit that each of N nodes asks for, integers [N]; -1 at a leaf.
        left: node that follows where the bit is off, integers [N]; after the node itself. Ignored at a leaf.
        right: the same where it is on.
        value: of each node, [N].
        roots: first node of each of T trees, integers [T].
        bits: length of a row.
        where: file that the arrays are from, for messages.

    Raises:
        DataError: they are none; says which array is wrong.
    """
    count = len(feature)
    for name, array in {"left": left, "right": right, "value": value}.items():
        if array.shape != (count,):
            raise DataError(f"{where}: {name} should have one entry for each of {count} nodes, has {array.shape}")
    for name, array in {"feature": feature, "left": left, "right": right, "roots": roots}.items():
        if array.ndim != 1 or not len(array) or array.dtype.kind not in "iu":
            raise DataError(f"{where}: {name} should be a row of integers, is {array.dtype} {list(array.shape)}")
    if feature.min() < -1 or feature.max() >= bits:
        raise DataError(f"{where}: feature should be a bit in 0..{bits - 1} or -1, is {feature.min()}..{feature.max()}")
    node, inner = np.arange(count), feature >= 0
    for name, child in {"left": left, "right": right}.items():
        # children come later, so every way down ends
        if not np.all((node < child)[inner] & (child < count)[inner]):
            raise DataError(f"{where}: {name} of a node should be a later one of the {count} nodes")
    if roots.min() < 0 or roots.max() >= count:
        raise DataError(f"{where}: roots should be some of the {count} nodes")


def children(feature: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """[2 N]: at 2 n + bit the node that follows node n; a leaf leads to itself."""
    return np.where(feature >= 0, [left, right], np.arange(len(feature))).T.ravel()
