"""How the stages of a choice are written as one integer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """Action 0 is stop, the first column of the first stage, which has no later stages; others count from 1.

    With columns c_0 > 0, c_1, ... the action is ``1 + ((c_0 - 1) K_1 + c_1) K_2 + ...``.

    Attributes:
        sizes: K_1 ... K_{n-1}, the numbers of columns of the later stages.
    """

    sizes: tuple[int, ...]

    def split(self, actions: Tensor) -> tuple[list[Tensor], Tensor]:
        """int64 [B] -> (the columns of the n stages, int64 [B] each, 0 after a stop; bool [B], stop)."""
        stop = actions == 0
        rest = actions - 1
        columns: list[Tensor] = []
        for size in reversed(self.sizes):
            columns.append(torch.where(stop, 0, rest % size))
            rest = rest // size
        return [torch.where(stop, 0, rest + 1), *columns[::-1]], stop

    def join(self, columns: Tensor) -> Tensor:
        """The columns of all stages [m, n] of choices that do not stop -> int64 [m]."""
        packed = columns[:, 0] - 1
        for k, size in enumerate(self.sizes, start=1):
            packed = packed * size + columns[:, k]
        return 1 + packed
