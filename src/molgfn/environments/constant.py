"""A table that never changes, on whatever device it is read: made once, not at each step of a rollout."""

from __future__ import annotations

import torch
from torch import Tensor


class Constant:
    """Copies of one tensor, by device and type.

    A rollout of a few states costs what its operations cost to start, not what they compute: looking rows up in a table
    takes one where making them takes several.

    Args:
        values: of any shape, on the CPU.
    """

    def __init__(self, values: Tensor) -> None:
        self._values = values
        self._copies: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def on(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        """The same values there; a copy is made when it is first asked for."""
        found = self._copies.get((device, dtype))
        if found is None:
            with torch.inference_mode(False):  # whoever asks first, it is for all
                found = self._copies[device, dtype] = self._values.to(device, dtype)
        return found
