"""How the raw numbers of a condition are shown to a network."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from molgfn.errors import ConfigError


class Encoder(ABC):
    """Shows C numbers in [0, 1] as ``size`` numbers of the default type."""

    size: int

    @abstractmethod
    def __call__(self, shares: Tensor) -> Tensor:
        """[B, C] -> [B, size]."""


class Plain(Encoder):
    """Each number as it is.

    Args:
        columns: C.
    """

    def __init__(self, columns: int = 1) -> None:
        self.size = columns

    def __call__(self, shares: Tensor) -> Tensor:
        return shares.to(torch.get_default_dtype())


class Thermometer(Encoder):
    """Each number u by how far ``bins`` glasses are filled, one after the other: clamp(bins * u - k, 0, 1), k < bins.

    A network tells neighbouring values apart far better than by one number (Buckman et al. 2018, ICLR; used for
    temperatures and preferences of GFlowNets by Jain et al. 2023, arXiv 2210.12765).

    Args:
        columns: C.
        bins: at least 1.
    """

    def __init__(self, columns: int = 1, bins: int = 32) -> None:
        if bins < 1:
            raise ConfigError(f"bins: a thermometer has at least one, not {bins}")
        self.bins = bins
        self.size = columns * bins

    def __call__(self, shares: Tensor) -> Tensor:
        place = torch.arange(self.bins, device=shares.device, dtype=shares.dtype)
        filled = (shares[..., None] * self.bins - place).clamp(0, 1)
        return filled.flatten(1).to(torch.get_default_dtype())


class SimplexWeights(Encoder):
    """Weights that are not negative and sum to 1, each by a thermometer, and as they are beside it.

    Args:
        columns: C, at least 2.
        bins: of each thermometer; 0 leaves them out.
    """

    def __init__(self, columns: int, bins: int = 16) -> None:
        if columns < 2:
            raise ConfigError(f"columns: weights of {columns} part(s) are always 1; there should be at least two")
        self._thermometer = Thermometer(columns, bins) if bins else None
        self.size = columns * (1 + bins)

    def __call__(self, shares: Tensor) -> Tensor:
        plain = shares.to(torch.get_default_dtype())
        return plain if self._thermometer is None else torch.cat([plain, self._thermometer(shares)], 1)

    @staticmethod
    def problem(weights: list[float]) -> str | None:
        """Why numbers are no such weights, in words."""
        if any(w < 0 for w in weights) or not abs(sum(weights) - 1) <= 1e-6:
            shown = ", ".join(f"{w:g}" for w in weights)
            return f"the weights {shown} should not be negative and should sum to 1 (they sum to {sum(weights):g})"
        return None
