"""How a number is drawn for each condition, and where in its range a value lies."""

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
#: relative; a value that a person typed may differ by rounding from the end of a range
TOLERANCE = 1e-9


class Draw(ABC):
    """A distribution over numbers in [``low``, ``high``]."""

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

    @property
    def positive(self) -> bool:
        """Every value that is drawn is above 0."""
        return self.low > 0

    def spread(self, n: int) -> Tensor:
        """At most ``n`` different values that are drawn equally often: the middles of n equal shares, float64."""
        return self.value((torch.arange(n, dtype=torch.float64) + 0.5) / n).unique()

    def covers(self, values: Tensor) -> Tensor:
        """Whether each of float64 values is one that may be drawn, but for rounding, bool."""
        return (values >= self.low - TOLERANCE * abs(self.low)) & (values <= self.high + TOLERANCE * abs(self.high))

    @property
    def in_words(self) -> str:
        """Which values there are: such as ``from 1 to 64``."""
        return f"from {self.low:g} to {self.high:g}" if self.low < self.high else f"{self.low:g} alone"

    def problem(self, what: str, value: float, drawn: str) -> str | None:
        """Why a value is none of these, in words that call it ``what`` and what is ``drawn``; None where it is."""
        if bool(self.covers(torch.tensor(value, dtype=torch.float64))):
            return None
        return f"{what} is {value:g}, but {drawn} is drawn {self.in_words}, and the policy knows no other"


class Constant(Draw):
    """Always the same value.

    Args:
        value: any number; as a temperature above 0.
    """

    def __init__(self, *, value: float = 1.0) -> None:
        self.low = self.high = float(value)

    def value(self, share: Tensor) -> Tensor:
        return torch.full_like(share, self.low)

    def share(self, values: Tensor) -> Tensor:
        return torch.ones_like(values)


class Uniform(Draw):
    """Every value between two equally often.

    Args:
        low: least value; of a temperature above 0.
        high: largest, above ``low``.
    """

    def __init__(self, *, low: float = 1.0, high: float = 32.0) -> None:
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

    @property
    def positive(self) -> bool:
        return True

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


class Discrete(Draw):
    """Some values, each with its probability.

    Args:
        values: at least two different ones, in any order.
        probabilities: of the values, in their order, above 0 and with the sum 1; None: all equally often.
    """

    def __init__(
        self,
        *,
        values: Annotated[list[float], Field(min_length=2)],
        probabilities: list[Annotated[float, Field(gt=0)]] | None = None,
    ) -> None:
        if len(set(values)) < len(values):
            raise ConfigError(f"values: each should be there once, got {', '.join(f'{v:g}' for v in values)}")
        if probabilities is not None and len(probabilities) != len(values):
            raise ConfigError(f"probabilities: there are {len(probabilities)}, but {len(values)} values")
        if probabilities is not None and not abs(sum(probabilities) - 1) <= 1e-6:
            raise ConfigError(f"probabilities: should sum to 1, not to {sum(probabilities):g}")
        weights = dict(zip(values, probabilities or [1.0] * len(values), strict=True))
        self.values = sorted(weights)
        self.low, self.high = self.values[0], self.values[-1]
        upto = torch.tensor([weights[value] for value in self.values], dtype=torch.float64).cumsum(0)
        self._upto = upto / upto[-1]  # P(draw <= value) of each value
        self._table = torch.tensor(self.values, dtype=torch.float64)

    def value(self, share: Tensor) -> Tensor:
        place = torch.searchsorted(self._upto.to(share.device), share.contiguous())
        return self._table.to(share.device)[place.clamp(max=len(self.values) - 1)]

    def share(self, values: Tensor) -> Tensor:
        """P(draw <= value); the nearest of the values counts, so that rounding makes no other one of it."""
        apart = (values[..., None] - self._table.to(values.device)).abs()
        return self._upto.to(values.device)[apart.argmin(-1)]

    def spread(self, n: int) -> Tensor:
        return self._table.clone() if len(self.values) <= n else super().spread(n)

    def covers(self, values: Tensor) -> Tensor:
        table = self._table.to(values.device)
        return ((values[..., None] - table).abs() <= TOLERANCE * table.abs().clamp(min=TOLERANCE)).any(-1)

    @property
    def in_words(self) -> str:
        return f"from the list {', '.join(f'{value:g}' for value in self.values)}"


def _range(low: float, high: float) -> tuple[float, float]:
    if low >= high:
        raise ConfigError(
            f"low ({low:g}) should be below high ({high:g}); for one value take molgfn.conditions.draws.Constant"
        )
    return float(low), float(high)
