"""What every distribution over actions promises; what only some have is in ``capabilities``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring


def single(x: Tensor) -> Tensor:
    """``x`` in float32 where it is of a half type (autocast, half weights), else as it is.

    bfloat16 has 8 bits: log-probabilities of -30 would be an eighth apart, and KL divergences their noise.
    """
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


@attributes_in_docstring
class ActionDistribution(ABC):
    """B distributions over the legal actions of B states; an action is one integer, or one for each of its parts, or a
    choice and real coordinates (``environments.real_actions``).
    """

    #: ``log_prob`` is of a density over real coordinates, and can be above 0
    density: ClassVar[bool] = False

    @abstractmethod
    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One legal action per state, int64 [B] or [B, parts], or float64 [B, 1 + d]."""

    @abstractmethod
    def log_prob(self, actions: Tensor) -> Tensor:
        """log P(actions) [B]; ``actions``, as ``sample`` draws them, must be legal."""

    @abstractmethod
    def frozen(self) -> Self:
        """The same distributions as they are now, without gradient, whatever happens to the parameters."""
