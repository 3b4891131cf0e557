"""Every one of N things once, in a random order, before any comes again; shared among the processes of a run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from molgfn.errors import CheckpointError
from molgfn.ranks import Ranks


class Passes:
    """Passes over N things.

    Args:
        name: of the things, for messages.
        what: the plural of one.
    """

    def __init__(self, name: str, what: str) -> None:
        self.name, self.what = name, what
        self._order = torch.zeros(0, dtype=torch.int64)
        self._at = 0

    def next(self, n: int, of: int, order: torch.Generator | None, ranks: Ranks) -> Tensor:
        """This rank's part of the next ``n`` of ``of`` things of each rank, int64 [n]; when all have come they are
        shuffled anew, as rank 0 draws it.
        """
        if len(self._order) and len(self._order) != of:
            raise CheckpointError(
                f"{self.name}: gives {of} {self.what}, but {len(self._order)} when the checkpoint was written"
            )
        parts, left = [], n * ranks.size
        while left:
            if self._at == len(self._order):
                shuffled = torch.randperm(of, generator=order)
                self._order, self._at = ranks.gather(shuffled)[0], 0
            parts.append(self._order[self._at : self._at + left])
            self._at += len(parts[-1])
            left -= len(parts[-1])
        return torch.cat(parts)[ranks.rank * n : (ranks.rank + 1) * n]

    def state_dict(self) -> dict[str, Any]:
        """Which are still to come in this pass."""
        return {"order": self._order, "at": self._at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        self._order, self._at = state["order"].cpu(), state["at"]
