"""The hypergrid reward: high corners inside a nearly empty grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, PositiveInt

from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.grid import GRID
from molgfn.oracles.base import Oracle


class HyperGrid(Oracle):
    r"""R(x) = r0 + r1 prod_i [|u_i| > 1/4] + r2 prod_i [3/10 < |u_i| < 2/5] with u_i = x_i / (side - 1) - 1/2.

    The bands are computed in integers, because for some sides (16, 256) grid points lie exactly on a band's edge, where
    float64 puts a point of one side into the band: with m = |2 x - (side - 1)| the block is 2 m > side - 1 and the band
    3 (side - 1) < 5 m < 4 (side - 1).

    Args:
        dimensions: coordinates d of a point; equal to that of the environment.
        side: each coordinate lies in [0, side); equal to that of the environment.
        r0: reward everywhere.
        r1: what the outer block of each corner adds.
        r2: what the band inside that block adds.

    Reference:
        Bengio et al., "Flow network based generative models for non-iterative diverse candidate generation",
        arXiv 2106.04399, section 4.1.
    """

    kind: ClassVar[ObjectKind] = GRID
    name: ClassVar[str] = "hypergrid"
    range: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "arXiv 2106.04399, section 4.1"

    def __init__(
        self,
        *,
        dimensions: PositiveInt = 2,
        side: Annotated[int, Field(ge=2)] = 16,
        r0: NonNegativeFloat = 0.1,
        r1: NonNegativeFloat = 0.5,
        r2: NonNegativeFloat = 2.0,
    ) -> None:
        self.dimensions = dimensions
        self.side = side
        self.r0 = r0
        self.r1 = r1
        self.r2 = r2

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """R of each point, float64 [B]; ``objects`` is integer [B, d] (a tensor on any device, or an array)."""
        points = torch.as_tensor(objects).cpu().numpy()
        if points.ndim != 2 or points.shape[1] != self.dimensions or points.dtype.kind not in "iu":
            raise DataError(
                f"oracle hypergrid: got points of shape {points.shape} and type {points.dtype}; "
                f"it takes integers [B, {self.dimensions}] (dimensions={self.dimensions})"
            )
        if points.size and (points.min() < 0 or points.max() >= self.side):
            raise DataError(
                f"oracle hypergrid: coordinates from {points.min()} to {points.max()}; with side={self.side} they lie "
                f"in [0, {self.side - 1}]"
            )
        last = self.side - 1
        m = np.abs(2 * points - last)
        block = (2 * m > last).all(axis=1)
        band = ((3 * last < 5 * m) & (5 * m < 4 * last)).all(axis=1)
        return np.asarray(self.r0 + self.r1 * block + self.r2 * band, dtype=np.float64)
