"""The latest batches, as they were drawn."""

from __future__ import annotations

from collections import deque
from typing import Any

import torch

from molgfn.environments.base import States
from molgfn.trajectories.batch import Trajectories

_TENSORS = ("actions", "backward_actions", "exits", "trajectory", "step", "lengths", "log_reward", "log_symmetry")


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
        return {
            "batches": [
                {name: getattr(b, name) for name in _TENSORS}
                | {"keys": b.keys, "source": b.source}
                | {"states": b.states.tensors()}
                for b in self._batches
            ]
        }

    def load_state_dict(self, state: dict[str, Any], blank: States) -> None:
        """Take up what ``state_dict`` gave; ``blank`` is any states batch of the environment (for its type)."""
        self._batches.clear()
        for b in state["batches"]:
            exits = b.get("exits", b["backward_actions"] < 0)  # before there were flags, -1 said so
            self._batches.append(Trajectories(**{**b, "exits": exits, "states": blank.with_tensors(b["states"])}))
