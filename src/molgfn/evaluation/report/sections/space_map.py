"""Where objects lie among each other: two coordinates from the similarities of their fingerprints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import eigsh

from molgfn.chemistry.fingerprints import tanimoto

#: most objects on the map, and most of the reference beside them
MOST, MOST_REFERENCE = 1500, 500


@dataclass(frozen=True)
class SpaceMap:
    """Principal coordinates.

    Attributes:
        points: [N, 2], of the objects.
        reference: [R, 2], of the reference beside them.
        share: of the spread of all N + R objects that the two axes have, in [0, 1].
    """

    points: np.ndarray
    reference: np.ndarray
    share: float


def space_map(bits: np.ndarray, reference: np.ndarray) -> SpaceMap | None:
    """Principal coordinates of the distances sqrt(1 - Tanimoto similarity), which are Euclidean; None for too few.

    Args:
        bits: [N, F], 0 or 1, of the objects.
        reference: [R, F], of the reference; R may be 0.

    Reference:
        Gower, Biometrika 1966, 53, 325 (principal coordinates); Gower and Legendre, J. Classification 1986, 3, 5.
    """
    together = np.concatenate([bits[:MOST], reference[:MOST_REFERENCE]]) if len(reference) else bits[:MOST]
    if len(together) < 4 or not together.shape[1]:
        return None
    inner = 0.5 * tanimoto(together, together).astype(np.float64)  # -1/2 of the squared distance, but for a constant
    inner += inner.mean() - inner.mean(0) - inner.mean(1)[:, None]
    spread = float(np.trace(inner))
    if spread < 1e-9:
        return None
    values, vectors = eigsh(inner, k=2, which="LA", v0=np.ones(len(inner)) + 1e-3 * np.arange(len(inner)))
    values, vectors = values[::-1].clip(min=0), vectors[:, ::-1]
    vectors = vectors * np.where(vectors[np.abs(vectors).argmax(0), [0, 1]] < 0, -1, 1)  # the same way round each time
    points = vectors * np.sqrt(values)
    n = min(len(bits), MOST)
    return SpaceMap(points[:n], points[n:], float(values.sum() / spread))
