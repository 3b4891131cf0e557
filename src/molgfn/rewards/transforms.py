"""Transforms that map a property to a desirability in [0, 1], by the conventions of REINVENT4.

Each is vectorised: float64 [B] in, float64 [B] out; NaN stays NaN, infinities follow the limits.

Reference:
    Loeffler et al., "REINVENT 4: modern AI-driven generative molecule design", J. Cheminformatics 16, 20 (2024),
    doi:10.1186/s13321-024-00812-5.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy.special import expit

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ConfigError, ContractError

_LN10 = float(np.log(10.0))
#: decades per half width at the ends of a window: what a ``DoubleSigmoid`` has by default
FLANK = 7.5


@attributes_in_docstring
class Transform(ABC):
    """A map from property values to desirabilities, elementwise."""

    #: True where every output lies in [0, 1] whatever comes in
    bounded: bool = True
    #: names of the conditions that the map depends on; where there are any, ``under`` is asked
    reads: frozenset[str] = frozenset()

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Desirability of each value, float64, of the same shape; NaN where the value is NaN."""
        values = np.asarray(values, dtype=np.float64)
        return np.where(np.isnan(values), np.nan, self._apply(values))

    def under(self, values: np.ndarray, condition: Mapping[str, np.ndarray]) -> np.ndarray:
        """Desirability of each value under its condition, float64 [B]; the default depends on none.

        Args:
            values: float64 [B].
            condition: name -> float64 [B]; at least all of ``reads``.
        """
        return self(values)

    @abstractmethod
    def _apply(self, values: np.ndarray) -> np.ndarray:
        """The map; what it makes of NaN does not matter."""


class Identity(Transform):
    """y = x, for properties that are desirabilities already."""

    bounded = False

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values, dtype=np.float64)

    def _apply(self, values: np.ndarray) -> np.ndarray:
        return values


class Linear(Transform):
    """0 at ``low``, 1 at ``high``, a straight line between and clipped outside; ``low > high`` gives a falling line.

    For the SA score: ``Linear(low=10, high=1)``.
    """

    def __init__(self, *, low: float = 0.0, high: float = 1.0) -> None:
        if low == high:
            raise ConfigError(f"Linear: low and high are both {low}; the line needs two different ends")
        self.low = low
        self.high = high

    def _apply(self, values: np.ndarray) -> np.ndarray:
        return np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)


class Sigmoid(Transform):
    """y = 1 / (1 + 10^(-10 k (x - (low + high) / 2) / (high - low))): rising, about 0 below low, 1 above high."""

    def __init__(self, *, low: float, high: float, k: Annotated[float, Field(gt=0)] = 0.25) -> None:
        _require_order(self, low, high)
        self.low = low
        self.high = high
        self.k = k

    def _apply(self, values: np.ndarray) -> np.ndarray:
        slope = 10.0 * self.k / (self.high - self.low)
        return expit(_LN10 * slope * (values - (self.low + self.high) / 2))


class ReverseSigmoid(Sigmoid):
    """y = 1 - Sigmoid(x): falling, about 1 below low, 0 above high."""

    def _apply(self, values: np.ndarray) -> np.ndarray:
        slope = 10.0 * self.k / (self.high - self.low)
        return expit(-_LN10 * slope * (values - (self.low + self.high) / 2))


class DoubleSigmoid(Transform):
    """About 1 between low and high, 0 outside; y = 1/2 at each of them.

    Left of the middle y = 1 / (1 + 10^(-(coef_si / coef_div) (x - low))), from the middle on
    y = 1 / (1 + 10^((coef_se / coef_div) (x - high))). By default the flanks go with the window, whatever its width: a
    tenth of it inside low or high y is .97, a tenth outside .03 (the coefficients of REINVENT's example give just that
    for a window of 10).

    Args:
        low: lower end of the window.
        high: upper end.
        coef_div: what both coefficients are divided by, in units of x; null for 10 (high - low). REINVENT's 100 is for
            windows that are tens wide: with it one of .4 to .7 never gets above .63.
        coef_si: steepness of the rise at low; more is steeper.
        coef_se: steepness of the fall at high.
    """

    def __init__(
        self,
        *,
        low: float,
        high: float,
        coef_div: Annotated[float, Field(gt=0)] | None = None,
        coef_si: Annotated[float, Field(gt=0)] = 150.0,
        coef_se: Annotated[float, Field(gt=0)] = 150.0,
    ) -> None:
        _require_order(self, low, high)
        self.low = low
        self.high = high
        self.coef_div = 10.0 * (high - low) if coef_div is None else coef_div
        self.coef_si = coef_si
        self.coef_se = coef_se

    def _apply(self, values: np.ndarray) -> np.ndarray:
        left = expit(_LN10 * self.coef_si / self.coef_div * (values - self.low))
        right = expit(-_LN10 * self.coef_se / self.coef_div * (values - self.high))
        return np.where(values < (self.low + self.high) / 2, left, right)


class Step(Transform):
    """1 where low <= x <= high, else 0."""

    def __init__(self, *, low: float, high: float) -> None:
        if low > high:
            raise ConfigError(f"Step: low={low} lies above high={high}; low must not exceed high")
        self.low = low
        self.high = high

    def _apply(self, values: np.ndarray) -> np.ndarray:
        return ((self.low <= values) & (values <= self.high)).astype(np.float64)


class LeftStep(Transform):
    """1 where x <= low, else 0."""

    def __init__(self, *, low: float) -> None:
        self.low = low

    def _apply(self, values: np.ndarray) -> np.ndarray:
        return (values <= self.low).astype(np.float64)


class RightStep(Transform):
    """1 where x >= high, else 0."""

    def __init__(self, *, high: float) -> None:
        self.high = high

    def _apply(self, values: np.ndarray) -> np.ndarray:
        return (values >= self.high).astype(np.float64)


class Near(Transform):
    """1 where x is the target, less the farther away; the target is a number, or that of the object's condition.

    gaussian: y = exp(-((x - target) / width)^2 / 2). window: about 1 within ``width`` of the target, 1/2 at its ends,
    0 outside, with the flanks of a ``DoubleSigmoid`` from target - width to target + width.

    Args:
        width: in units of x, above 0: the standard deviation of the Gaussian, or half of the window.
        target: in units of x; None: that of the condition ``target_NAME``, which ``condition=target`` draws.
        name: NAME of that condition; with a ``target`` there is none.
        shape: which of the two.

    Raises:
        ConfigError: neither ``target`` nor ``name``, or both.
    """

    def __init__(
        self,
        *,
        width: Annotated[float, Field(gt=0)],
        target: float | None = None,
        name: Annotated[str, Field(min_length=1)] | None = None,
        shape: Literal["gaussian", "window"] = "gaussian",
    ) -> None:
        if (target is None) == (name is None):
            raise ConfigError(
                "Near: give either target, a number, or name, the NAME of the condition target_NAME; "
                f"got target={target} and name={name}"
            )
        self.width = width
        self.target = target
        self.shape = shape
        self._column = f"target_{name}"
        self.reads = frozenset() if name is None else frozenset({self._column})

    def under(self, values: np.ndarray, condition: Mapping[str, np.ndarray]) -> np.ndarray:
        values = np.asarray(values, dtype=np.float64)
        target = condition[self._column] if self.target is None else self.target
        return np.where(np.isnan(values), np.nan, self._near(np.abs(values - target) / self.width))

    def _apply(self, values: np.ndarray) -> np.ndarray:
        if self.target is None:
            raise ContractError(f"Near: the target is the condition {self._column}, which must be given")
        return self._near(np.abs(values - self.target) / self.width)

    def _near(self, distance: np.ndarray) -> np.ndarray:
        """Of distances from the target in units of ``width``."""
        if self.shape == "gaussian":
            return np.exp(-(distance**2) / 2)
        return expit(_LN10 * FLANK * (1 - distance))


def _require_order(transform: Transform, low: float, high: float) -> None:
    if not low < high:
        raise ConfigError(f"{type(transform).__name__}: low={low} must lie below high={high}")
