"""What oracles of points have in common: an array of points in, and where it is known the integral over all of them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import DataError
from molgfn.objects.point import POINT
from molgfn.oracles.base import Oracle


@attributes_in_docstring
class PointOracle(Oracle):
    """A function of points float64 [B, d], written with torch so that it has a gradient."""

    kind = POINT
    direction = "maximise"
    #: values are logs of a density (for ``reward=boltzmann``), not a density (for ``reward=power``)
    logarithmic: ClassVar[bool] = False

    @abstractmethod
    def function(self, points: Tensor) -> Tensor:
        """Values [B] of float64 points [B, d]."""

    @property
    @abstractmethod
    def coordinates(self) -> int:
        """d."""

    def log_integral(self) -> float | None:
        """log of the integral of the density that the values are (or are the logs of); None where it is not known."""
        return None

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """Of each point, float64 [B]."""
        return self.function(self._points(objects)).numpy()

    def gradients(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Values [B] of points [B, d], on their device, and their gradients [B, d], float64."""
        with torch.enable_grad():
            x = points.detach().double().requires_grad_()
            value = self.function(x)
            (gradient,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), gradient

    def _points(self, objects: Any) -> Tensor:
        points = torch.as_tensor(np.asarray(objects), dtype=torch.float64).detach().cpu()
        if points.dim() != 2 or points.shape[1] != self.coordinates:
            raise DataError(
                f"oracle {self.name}: got points of shape {tuple(points.shape)}; it takes [B, {self.coordinates}]"
            )
        return points


def log_integral_of(exponent: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> float:
    """log of the integral of exp(``exponent``) from ``low`` to ``high``, beyond which it has nothing; trapezoids."""
    x = np.linspace(low, high, 200_001)
    values = exponent(x)
    top = float(values.max())
    return top + math.log(float(np.trapezoid(np.exp(values - top), x)))
