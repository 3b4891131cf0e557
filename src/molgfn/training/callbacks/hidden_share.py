"""How much of what the policy builds in training is hidden, and so left out."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch

from molgfn.ranks import ALONE, Ranks
from molgfn.trajectories.visible import Visible


class HiddenShare(pl.Callback):
    """Logs ``hidden/share``, of the trajectories drawn since the last time those that were left out because they end in
    something hidden; ``hidden/left_out``, how many these are so far; ``hidden/unused``, how many visible ones were
    drawn beyond what a batch takes.

    Args:
        visible: counts them.
        every: iterations between two times.
        ranks: the processes of the run; all ask together.
    """

    def __init__(self, visible: Visible, every: int, ranks: Ranks = ALONE) -> None:
        self.visible, self.every, self.ranks = visible, every, ranks
        self._before = (0.0, 0.0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        drawn, left_out, _ = self._counts()  # not 0 where a run goes on
        self._before = drawn, left_out

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self.every:
            return
        drawn, left_out, unused = self._counts()
        share = (left_out - self._before[1]) / max(drawn - self._before[0], 1)
        self._before = drawn, left_out
        pl_module.row |= {  # type: ignore[operator, assignment]
            "hidden/share": share,
            "hidden/left_out": left_out,
            "hidden/unused": unused,
        }

    def _counts(self) -> tuple[float, float, float]:
        own = torch.tensor([self.visible.drawn, self.visible.left_out, self.visible.unused], dtype=torch.float64)
        drawn, left_out, unused = sum(self.ranks.gather(own)).tolist()  # type: ignore[union-attr]
        return drawn, left_out, unused
