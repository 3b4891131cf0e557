"""How a positive number is drawn for each trajectory, and where in its range a value lies."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from molgfn.errors import ConfigError

#: share of a gamma distribution that is drawn from; what lies above is so rare that a policy would not learn it
COVERED = 0.999


class Draw(ABC):
    """A distribution over positive numbers in [``low``, ``high``]."""

    low: float
    high: float

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        """``n`` values, float64 [n]; one number of the generator each, whatever the distribution."""
        return self.value(torch.rand(n, generator=generator, device=device, dtype=torch.float64))

    @abstractmethod
    def value(self, share: Tensor) -> Tensor:
        """The value below which a share in [0, 1] of the draws lies, float64 as ``share``."""

    @abstractmethod
    def share(self, values: Tensor) -> Tensor:
        """The share of the draws below each value, in [0, 1]: the inverse of ``value``.

        By it values are shown to a policy: those that are drawn equally often are equally far apart.
        """

    @property
    def middle(self) -> float:
        """The median."""
        return float(self.value(torch.tensor(0.5, dtype=torch.float64)))


class Constant(Draw):
    """Always the same value.

    Args:
        value: above 0.
    """

    def __init__(self, *, value: Annotated[float, Field(gt=0)] = 1.0) -> None:
        self.low = self.high = float(value)

    def value(self, share: Tensor) -> Tensor:
        return torch.full_like(share, self.low)

    def share(self, values: Tensor) -> Tensor:
        return torch.ones_like(values)


class Uniform(Draw):
    """Every value between two equally often.

    Args:
        low: least value, above 0.
        high: largest, above ``low``.
    """

    def __init__(self, *, low: Annotated[float, Field(gt=0)] = 1.0, high: Annotated[float, Field(gt=0)] = 32.0) -> None:
        self.low, self.high = _range(low, high)

    def value(self, share: Tensor) -> Tensor:
        return self.low + (self.high - self.low) * share

    def share(self, values: Tensor) -> Tensor:
        return (values - self.low) / (self.high - self.low)


class LogUniform(Draw):
    """Every factor equally often: the logarithm is uniform.

    Args:
        low: least value, above 0.
        high: largest, above ``low``.
    """

    def __init__(self, *, low: Annotated[float, Field(gt=0)] = 1.0, high: Annotated[float, Field(gt=0)] = 64.0) -> None:
        self.low, self.high = _range(low, high)

    def value(self, share: Tensor) -> Tensor:
        return self.low * (share * math.log(self.high / self.low)).exp()

    def share(self, values: Tensor) -> Tensor:
        return (values / self.low).log() / math.log(self.high / self.low)


class Gamma(Draw):
    """A gamma distribution, cut off above its 99.9 % quantile.

    Args:
        shape: above 0.
        scale: above 0; the mean is ``shape * scale``.
    """

    def __init__(
        self, *, shape: Annotated[float, Field(gt=0)] = 2.0, scale: Annotated[float, Field(gt=0)] = 8.0
    ) -> None:
        self.shape, self.scale = shape, scale
        self.low = 0.0
        self.high = shape * scale
        while float(self._below(torch.tensor(self.high, dtype=torch.float64))) < COVERED:
            self.high *= 2  # beyond the quantile, so that it is found between here and 0
        self.high = float(self._inverse(torch.tensor(COVERED, dtype=torch.float64)))

    def _below(self, values: Tensor) -> Tensor:
        return torch.special.gammainc(torch.full_like(values, self.shape), values.clamp(min=0) / self.scale)

    def _inverse(self, share: Tensor) -> Tensor:
        """By bisection, to the last bit: each step halves the interval."""
        low, high = torch.zeros_like(share), torch.full_like(share, self.high)
        for _ in range(60):
            middle = (low + high) / 2
            above = self._below(middle) >= share
            low, high = torch.where(above, low, middle), torch.where(above, middle, high)
        return high

    def value(self, share: Tensor) -> Tensor:
        return self._inverse(share * COVERED)

    def share(self, values: Tensor) -> Tensor:
        return self._below(values) / COVERED


def _range(low: float, high: float) -> tuple[float, float]:
    if low >= high:
        raise ConfigError(
            f"low ({low:g}) should be below high ({high:g}); for one value take molgfn.conditions.draws.Constant"
        )
    return float(low), float(high)
