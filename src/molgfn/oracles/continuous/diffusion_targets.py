"""Unbounded densities on which diffusion samplers are compared."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor

from molgfn.oracles.continuous.base import PointOracle, log_integral_of


class Gaussians(PointOracle):
    """Log density of a mixture of equal Gaussians, their means a square lattice around 0.

    Args:
        side: means in a row; side^2 in all.
        spacing: between neighbours.
        variance: of each coordinate.

    Reference:
        arXiv 2402.05098 (25 modes: side 5, spacing 5, variance .3).
    """

    name: ClassVar[str] = "gaussians"
    source: ClassVar[str] = "arXiv 2402.05098, 25GMM"
    range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    units: ClassVar[str] = "nat"
    logarithmic: ClassVar[bool] = True

    def __init__(self, *, side: PositiveInt = 5, spacing: PositiveFloat = 5.0, variance: PositiveFloat = 0.3) -> None:
        self.side, self.spacing, self.variance = side, spacing, variance
        line = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
        self._means = torch.cartesian_prod(line, line).reshape(-1, 2)

    @property
    def coordinates(self) -> int:
        return 2

    def function(self, points: Tensor) -> Tensor:
        square = (points[:, None] - self._means.to(points.device)).square().sum(-1)
        log_norm = math.log(2 * math.pi * self.variance) + math.log(len(self._means))
        return torch.logsumexp(-0.5 * square / self.variance, 1) - log_norm

    def log_integral(self) -> float:
        return 0.0


class Funnel(PointOracle):
    """Log density of Neal's funnel: x_0 is normal, the other coordinates are normal with variance exp(x_0).

    Args:
        dimensions: d.
        deviation: standard deviation of x_0.

    Reference:
        Neal 2003, doi:10.1214/aos/1056562461; arXiv 2402.05098 (d = 10).
    """

    name: ClassVar[str] = "funnel"
    source: ClassVar[str] = "Neal 2003, doi:10.1214/aos/1056562461"
    range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    units: ClassVar[str] = "nat"
    logarithmic: ClassVar[bool] = True

    def __init__(self, *, dimensions: Annotated[int, Field(ge=2)] = 10, deviation: PositiveFloat = 3.0) -> None:
        self.dimensions, self.deviation = dimensions, deviation

    @property
    def coordinates(self) -> int:
        return self.dimensions

    def function(self, points: Tensor) -> Tensor:
        wide, rest = points[:, 0], points[:, 1:]
        n = rest.shape[1]
        first = -0.5 * (wide / self.deviation).square() - math.log(self.deviation)
        others = -0.5 * rest.square().sum(1) * (-wide).exp() - 0.5 * n * wide
        return first + others - 0.5 * (n + 1) * math.log(2 * math.pi)

    def log_integral(self) -> float:
        return 0.0


class ManyWell(PointOracle):
    """Minus the energy of pairs of coordinates, -(x^4 - 6 x^2 - x / 2) - y^2 / 2 each: 2^(d/2) wells, of two depths.

    Args:
        dimensions: d, even.

    Reference:
        Noé et al. 2019, doi:10.1126/science.aaw1147; arXiv 2402.05098 (d = 32, log Z 164.696).
    """

    name: ClassVar[str] = "many_well"
    source: ClassVar[str] = "arXiv 2402.05098, ManyWell"
    range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    units: ClassVar[str] = "nat"
    logarithmic: ClassVar[bool] = True

    def __init__(self, *, dimensions: Annotated[int, Field(ge=2, multiple_of=2)] = 32) -> None:
        self.dimensions = dimensions

    @property
    def coordinates(self) -> int:
        return self.dimensions

    def function(self, points: Tensor) -> Tensor:
        x, y = points[:, ::2], points[:, 1::2]
        return -(x**4 - 6 * x**2 - 0.5 * x + 0.5 * y**2).sum(1)

    def log_integral(self) -> float:
        well = log_integral_of(lambda x: -(x**4) + 6 * x**2 + 0.5 * x, -6.0, 6.0)
        return self.dimensions / 2 * (well + 0.5 * math.log(2 * math.pi))
