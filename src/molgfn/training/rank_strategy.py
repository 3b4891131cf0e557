"""What Lightning knows of the other processes of a run: who is the first, and how all agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.strategies import SingleDeviceStrategy
from torch import Tensor

from molgfn.errors import TrainingError
from molgfn.ranks import Ranks

#: relative difference of weights between processes that rounding on unlike devices explains
ROUNDING = 1e-4


class RankStrategy(SingleDeviceStrategy):
    """One device a process, and no wrapper around the module.

    The learner joins the gradients itself, once a step (``Ranks.add_up_gradients``): an objective has several backward
    passes, each into named groups, and natural-gradient products, for which the hooks of DDP are not made. Callbacks
    find ``trainer.global_rank``, ``trainer.world_size`` and ``trainer.is_global_zero`` as they are, and may ask the
    strategy to reduce, to gather and to wait, all ranks in the same order.

    Args:
        ranks: the processes of the run.
        device: of this one.
    """

    strategy_name = "ranks"

    def __init__(self, ranks: Ranks, device: torch.device) -> None:
        super().__init__(device=device)
        self.ranks = ranks
        self.global_rank, self.world_size = ranks.rank, ranks.size
        self.local_rank = device.index or 0

    @property
    def is_global_zero(self) -> bool:
        return self.ranks.first

    def reduce(self, tensor: Any, group: Any = None, reduce_op: Any = "mean", **kwargs: Any) -> Any:
        if not isinstance(tensor, Tensor):
            return tensor
        total = self.ranks.sum(tensor)
        return total / self.ranks.size if str(reduce_op).lower() in {"mean", "avg"} else total

    def reduce_boolean_decision(self, decision: bool, all: bool = True) -> bool:
        return self.ranks.all(decision) if all else self.ranks.any(decision)

    def all_gather(self, tensor: Tensor, group: Any = None, sync_grads: bool = False) -> Tensor:
        return torch.stack([part.to(tensor.device) for part in self.ranks.gather(tensor.detach())])

    def broadcast(self, obj: Any, src: int = 0) -> Any:
        return self.ranks.gather(obj)[src]

    def barrier(self, *args: Any, **kwargs: Any) -> None:
        self.ranks.wait()

    def save_checkpoint(self, checkpoint: dict[str, Any], filepath: str | Path, storage_options: Any = None) -> None:
        """The first writes; where it cannot, all learn so, and none waits for it.

        Raises:
            OSError: the first could not write.
            TrainingError: the processes have come apart.
        """
        self._require_same(checkpoint["state_dict"])
        problem: tuple[int | None, str | None, str] | None = None
        if self.ranks.first:
            try:
                super().save_checkpoint(checkpoint, filepath, storage_options)
            except OSError as error:
                problem = (error.errno, error.strerror or str(error), str(error.filename or filepath))
        problem = self.ranks.gather(problem)[0]
        if problem is not None:
            raise OSError(*problem)

    def _require_same(self, weights: dict[str, Any]) -> None:
        """All processes hold the same weights, as they began with the same and take the same steps."""
        own = torch.tensor([float(w.double().sum()) + float(w.double().square().sum()) for w in weights.values()])
        first = self.ranks.gather(own)[0]
        apart = ~torch.isclose(own, first, rtol=ROUNDING, atol=ROUNDING, equal_nan=True)
        if self.ranks.any(bool(apart.any())):
            names = [name for name, far in zip(weights, apart.tolist(), strict=True) if far] or ["another's"]
            raise TrainingError(
                f"the processes of this run no longer have the same weights ({names[0]}): a step or a callback changed "
                "them on one process alone"
            )
