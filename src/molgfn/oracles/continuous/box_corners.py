"""The reward of the box: four high corners inside a nearly empty square."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from molgfn.oracles.continuous.base import PointOracle


class BoxCorners(PointOracle):
    r"""R(x) = r0 + r1 prod_i [1/4 < |x_i - 1/2|] + r2 prod_i [3/10 < |x_i - 1/2| < 2/5] on [0, 1]^d.

    Its integral is r0 + (2 1/4)^d r1 + (2 1/10)^d r2.

    Args:
        dimensions: coordinates d of a point; equal to that of the environment.
        r0: reward everywhere.
        r1: what the outer block of each corner adds.
        r2: what the frame inside that block adds.

    Reference:
        Lahlou et al. 2023, arXiv 2301.12594, section 5.1.
    """

    name: ClassVar[str] = "box_corners"
    source: ClassVar[str] = "arXiv 2301.12594, section 5.1"

    def __init__(
        self,
        *,
        dimensions: Annotated[int, Field(ge=1)] = 2,
        r0: PositiveFloat = 0.1,
        r1: NonNegativeFloat = 0.5,
        r2: NonNegativeFloat = 2.0,
    ) -> None:
        self.dimensions = dimensions
        self.r0, self.r1, self.r2 = r0, r1, r2
        self.range = (r0, r0 + r1 + r2)  # type: ignore[misc]

    @property
    def coordinates(self) -> int:
        return self.dimensions

    def function(self, points: Tensor) -> Tensor:
        off = (points - 0.5).abs()
        block = (off > 0.25).all(1).to(points.dtype)
        frame = ((off > 0.3) & (off < 0.4)).all(1).to(points.dtype)
        return self.r0 + self.r1 * block + self.r2 * frame

    def log_integral(self) -> float:
        d = self.dimensions
        return math.log(self.r0 + 0.5**d * self.r1 + 0.2**d * self.r2)

    def gradients(self, points: Tensor) -> tuple[Tensor, Tensor]:
        return self.function(points.double()), torch.zeros_like(points, dtype=torch.float64)
