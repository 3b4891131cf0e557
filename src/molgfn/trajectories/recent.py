"""The latest batches, as they were drawn."""

from __future__ import annotations

from collections import deque
from typing import Any

import torch

from molgfn.environments.base import States
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.plain import as_plain, of_plain


class RecentBatches:
    """Keeps the last ``size`` batches on the CPU; ``size`` 0 keeps none."""

    def __init__(self, size: int) -> None:
        self._batches: deque[Trajectories] = deque(maxlen=size)

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, batch: Trajectories) -> None:
        """Remember a batch; the oldest goes where there are too many."""
        if self._batches.maxlen:
            self._batches.append(batch.to("cpu"))

    def draw(self, generator: torch.Generator | None = None) -> Trajectories:
        """One of them, each equally likely; only when there is one."""
        device = "cpu" if generator is None else generator.device
        index = torch.randint(len(self._batches), (), generator=generator, device=device)
        return self._batches[int(index)]

    def state_dict(self) -> dict[str, Any]:
        """Everything stored, as plain data and tensors."""
        return {"batches": [as_plain(batch) for batch in self._batches]}

    def load_state_dict(self, state: dict[str, Any], blank: States) -> None:
        """Take up what ``state_dict`` gave; ``blank`` is any states batch of the environment (for its type)."""
        self._batches.clear()
        self._batches.extend(of_plain(batch, blank) for batch in state["batches"])
