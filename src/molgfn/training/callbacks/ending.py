"""Ends training where a limit is reached, after a whole iteration."""

from __future__ import annotations

import logging
from typing import Any

import pytorch_lightning as pl

from molgfn.ranks import ALONE, Ranks
from molgfn.training.callbacks.rows import Rows
from molgfn.training.limits import Limits

logger = logging.getLogger("molgfn")


class Ending(pl.Callback):
    """Tells the data module that no further batch is wanted.

    Args:
        limits: of the run.
        rows: knows how long the run has trained.
        ranks: the processes of the run; where one has reached the end, all have.
    """

    def __init__(self, limits: Limits, rows: Rows, ranks: Ranks = ALONE) -> None:
        self.limits, self.rows, self.ranks = limits, rows, ranks

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._look(trainer.datamodule, pl_module, self.rows.before)  # type: ignore[attr-defined]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._look(trainer.datamodule, pl_module, self.rows.elapsed)  # type: ignore[attr-defined]

    def _look(self, data: Any, module: Any, seconds: float) -> None:
        reached = self.limits.reached(
            reward_calls=data.reward.counters.raw,
            gradient_steps=module.learner.steps.taken,
            seconds=seconds,
        )
        if self.ranks.any(reached is not None):
            data.ended = next(text for text in self.ranks.gather(reached) if text is not None)
            logger.info("%s are spent after %d iterations; training stops", data.ended, data.iteration)
