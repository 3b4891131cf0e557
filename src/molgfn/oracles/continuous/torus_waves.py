"""The reward of the torus: a power of a sum of waves."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt
from torch import Tensor

from molgfn.oracles.continuous.base import PointOracle


class TorusWaves(PointOracle):
    """(sum_i sin(a x_i) + sum_j cos(b x_j) + d)^power, i the first, third ... of the d angles and j the others.

    Args:
        dimensions: d; equal to that of the environment.
        a: waves of the sines around the circle.
        b: of the cosines.
        power: of the sum, which lies in [0, 2 d].

    Reference:
        Lahlou et al. 2023, arXiv 2301.12594, section 5.2 (d = 2, a = 3, b = 2, power 3).
    """

    name: ClassVar[str] = "torus_waves"
    source: ClassVar[str] = "arXiv 2301.12594, section 5.2"

    def __init__(
        self,
        *,
        dimensions: Annotated[int, Field(ge=1)] = 2,
        a: PositiveInt = 3,
        b: PositiveInt = 2,
        power: PositiveInt = 3,
    ) -> None:
        self.dimensions = dimensions
        self.a, self.b, self.power = a, b, power
        self.range = (0.0, float((2 * dimensions) ** power))  # type: ignore[misc]

    @property
    def coordinates(self) -> int:
        return self.dimensions

    def function(self, points: Tensor) -> Tensor:
        waves = (self.a * points[:, ::2]).sin().sum(1) + (self.b * points[:, 1::2]).cos().sum(1)
        return (waves + self.dimensions).clamp(min=0) ** self.power  # of rounding, -1e-16

    def log_integral(self) -> float:
        """By the moments of a wave, which are those of a sine over whole turns."""
        moments = [1.0] + [0.0] * self.power
        for _ in range(self.dimensions):  # of a sum of independent waves
            moments = [
                sum(math.comb(n, k) * moments[n - k] * _moment(k) for k in range(n + 1)) for n in range(self.power + 1)
            ]
        total = sum(
            math.comb(self.power, k) * self.dimensions ** (self.power - k) * moments[k] for k in range(self.power + 1)
        )
        return self.dimensions * math.log(2 * math.pi) + math.log(total)


def _moment(k: int) -> float:
    """Mean of sin^k over a turn."""
    return 0.0 if k % 2 else math.comb(k, k // 2) / 2**k
