"""Rows of metrics: what the parts of a run measured in one iteration, written together and once."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from torch import Tensor


class Rows(pl.Callback):
    """Writes ``GFlowNetModule.row`` to every logger at the end of an iteration in which something was noted there.

    A value stands in the row of the iteration in which it was measured, and in no later one. Each row has
    ``time/elapsed_seconds``, the time spent in training, that before a resume included.

    Args:
        elapsed: seconds of training before a resume.

    Attributes:
        last: name -> the latest value that was written.
        before: seconds of training before a resume.
    """

    def __init__(self, elapsed: float = 0.0) -> None:
        self.last: dict[str, float] = {}
        self.before, self._start = elapsed, time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds of training so far."""
        return self.before + time.monotonic() - self._start

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._write(trainer, pl_module.row, batch_idx)  # type: ignore[arg-type]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # the number that the next step would have, so that a run that goes on writes this row anew
        self._write(trainer, pl_module.row, trainer.datamodule.iteration)  # type: ignore[arg-type, attr-defined]

    def _write(self, trainer: pl.Trainer, row: dict[str, float | Tensor], step: int) -> None:
        if not row:
            return
        values = {name: float(value) for name, value in row.items()} | {"time/elapsed_seconds": self.elapsed}
        row.clear()
        self.last |= values
        for logger in trainer.loggers:
            logger.log_metrics(values, step=step)
            logger.save()
