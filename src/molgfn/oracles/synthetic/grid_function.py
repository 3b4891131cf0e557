"""Test functions of two variables on a grid, scaled to lie in [0, 1]: objectives of multi-objective checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.grid import GRID
from molgfn.oracles.base import Oracle

FunctionName = Literal["branin", "currin", "shubert", "sphere", "beale"]


class GridFunction(Oracle):
    r"""A function of u_i = 2 x_i / (side - 1) - 1, in [-1, 1], more is better, clipped to [0, 1].

    branin: 1 - (t^2 + 10 (1 - 1 / (8 pi)) cos b + 10) / 308.13 with b = 15 (u_1 + 1) / 2 - 5 and
    t = 15 (u_2 + 1) / 2 - 5.1 b^2 / (4 pi^2) + 5 b / pi - 6. currin: (1 - exp(-1 / (2 v_2))) (2300 v_1^3 + 1900 v_1^2 +
    2092 v_1 + 60) / (100 v_1^3 + 500 v_1^2 + 4 v_1 + 20) / 13.77 with v = (u + 1) / 2. shubert: (s(u_1) s(u_2) + 186.8)
    / 397 with s(u) = sum_{i=1..5} i cos(i - 1.5 (i + 1) u). sphere: (u_1^2 + u_2^2) / 2. beale: ((1.5 - u_1 + u_1
    u_2)^2 + (2.25 - u_1 + u_1 u_2^2)^2 + (2.625 - u_1 + u_1 u_2^3)^2) / 38.8.

    Args:
        function: which one.
        side: each of the two coordinates lies in [0, side); equal to that of the environment.

    Reference:
        Jain et al. 2023, arXiv 2210.12765 (the hypergrid of multi-objective GFlowNets, side 32).
    """

    kind: ClassVar[ObjectKind] = GRID
    name: ClassVar[str] = "grid_function"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "test functions as in arXiv 2210.12765"

    def __init__(self, *, function: FunctionName = "branin", side: Annotated[int, Field(ge=2)] = 32) -> None:
        self.function = function
        self.side = side

    @property
    def title(self) -> str:
        return self.function

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """Of each point, float64 [B]; ``objects`` is integer [B, 2] (a tensor on any device, or an array)."""
        points = torch.as_tensor(objects).cpu().numpy()
        if points.ndim != 2 or points.shape[1] != 2 or points.dtype.kind not in "iu":
            raise DataError(
                f"oracle grid_function: got points of shape {points.shape} and type {points.dtype}; it takes integers "
                "[B, 2] (environment.dimensions=2)"
            )
        if points.size and (points.min() < 0 or points.max() >= self.side):
            raise DataError(
                f"oracle grid_function: coordinates from {points.min()} to {points.max()}; with side={self.side} they "
                f"lie in [0, {self.side - 1}]"
            )
        u = points.astype(np.float64) / (self.side - 1) * 2 - 1
        return np.clip(FUNCTIONS[self.function](u[:, 0], u[:, 1]), 0.0, 1.0)


def _branin(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    b = 15 * (x / 2 + 0.5) - 5
    t = 15 * (y / 2 + 0.5) - 5.1 / (4 * math.pi**2) * b**2 + 5 / math.pi * b - 6
    return 1 - (t**2 + 10 * (1 - 1 / (8 * math.pi)) * np.cos(b) + 10) / 308.13


def _currin(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    v, w = x / 2 + 0.5, y / 2 + 0.5
    with np.errstate(divide="ignore"):
        fade = 1 - np.exp(-1 / (2 * w))  # 1 where w is 0
    above, below = 2300 * v**3 + 1900 * v**2 + 2092 * v + 60, 100 * v**3 + 500 * v**2 + 4 * v + 20
    return fade * above / below / 13.77


def _shubert(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    terms = np.arange(1, 6)[:, None]
    first, second = ((terms * np.cos(terms - 1.5 * (terms + 1) * z)).sum(axis=0) for z in (x, y))
    return (first * second + 186.8) / 397


def _sphere(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x**2 + y**2) / 2


def _beale(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return ((1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2) / 38.8


#: name -> the function of two coordinates in [-1, 1], float64 [B] each
FUNCTIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "branin": _branin,
    "currin": _currin,
    "shubert": _shubert,
    "sphere": _sphere,
    "beale": _beale,
}
