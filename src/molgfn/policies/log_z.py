"""log Z: a number, or a function of the condition."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import torch
from torch import Tensor, nn

from molgfn.networks.mlp import mlp, starting_at_zero

#: hidden width of the head over the condition
WIDTH = 64


class LogZ(nn.Module):
    """log Z(c) = constant + head(c). The head is there where states carry a condition, and starts at 0.

    Args:
        start: of the constant.
        condition_size: numbers of an encoded condition (``Environment.condition_size``); 0 for none.
    """

    def __init__(self, start: float = 0.0, condition_size: int = 0) -> None:
        super().__init__()
        self.constant = nn.Parameter(torch.tensor(float(start)))
        self.head = starting_at_zero(mlp(condition_size, WIDTH, 1, 1)) if condition_size else None

    def forward(self, condition: Tensor | None = None) -> Tensor:
        """log Z of encoded conditions [B, condition_size] -> [B]; a scalar where there are none."""
        return self.constant if self.head is None else self.constant + self.beside(condition)

    def beside(self, condition: Tensor | None = None) -> Tensor:
        """What the condition adds to the constant, [B]; a scalar 0 where there is none."""
        if self.head is None:
            return torch.zeros_like(self.constant)
        if condition is None:
            raise ValueError("log Z is a function of the condition here, which was not given")
        return self.head(condition.to(self.constant.dtype)).squeeze(-1)


def present_keys(state: MutableMapping[str, Any], prefix: str = "") -> None:
    """Rename log Z in the state dict of a policy (in place, under ``prefix``) from when it was one number."""
    if (former := f"{prefix}log_z") in state:
        state[f"{prefix}log_z.constant"] = state.pop(former)
