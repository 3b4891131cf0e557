"""Checkpoints: written whole or not at all, readable without running code, and written when a run is interrupted."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl

from molgfn.ranks import ALONE, Ranks
from molgfn.training.callbacks.rows import Rows

logger = logging.getLogger("molgfn")


class Checkpointing(pl.Callback):
    """Writes ``checkpoints/last.ckpt`` now and then, at the end, and on the first Ctrl-C or SIGTERM.

    The first interrupt lets the present iteration finish and ends training; a second one stops at once.

    Args:
        folder: the run folder.
        record: plain data that makes the checkpoint describe itself (config, version, W&B id).
        every: iterations between checkpoints.
        minutes: and at the latest after so many, at the end of an iteration; None for no limit.
        rows: knows how long the run has trained, which goes into the record as ``seconds``.
    """

    def __init__(
        self,
        folder: Path,
        record: dict[str, Any],
        every: int,
        minutes: float | None = None,
        rows: Rows | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.path = folder / "checkpoints" / "last.ckpt"
        self.record = record
        self.rows = rows
        self.ranks = ranks
        self.every = every
        self.seconds = float("inf") if minutes is None else 60.0 * minutes
        self._saved = time.monotonic()
        self.interrupted = False
        #: why the latest attempt to write one failed; None where it did not
        self.problem: str | None = None
        self._before: dict[int, Any] = {}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["molgfn"] = {**self.record, "iteration": trainer.datamodule.iteration}  # type: ignore[attr-defined]
        if self.rows is not None:
            checkpoint["molgfn"]["seconds"] = self.rows.elapsed
        _mid_epoch(checkpoint)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._saved = time.monotonic()

        def stop(number: int, frame: FrameType | None) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True
            trainer.should_stop = True

        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._before[number] = signal.signal(number, stop)
            except ValueError:  # not in the main thread: the caller keeps its own handling
                return

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self.every == 0 or self.ranks.any(time.monotonic() - self._saved >= self.seconds):
            self.save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # not in on_train_end: there weight averaging has already replaced the weights that train by their average
        self.save(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def save(self, trainer: pl.Trainer) -> None:
        """Write beside the old checkpoint, then take its place; a full disk leaves the old one and says so."""
        self._saved = time.monotonic()  # also where it fails: a full disk is not tried again at each iteration
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        try:
            trainer.save_checkpoint(part)
            if self.ranks.first:
                os.replace(part, self.path)
            self.problem = None
        except OSError as error:
            part.unlink(missing_ok=True)
            reason = error.strerror or str(error)
            kept = f"the one before is still at {self.path}" if self.path.exists() else "there is none before it"
            if reason != self.problem:  # a disk that stays full says so once, not at each checkpoint
                logger.error("the checkpoint could not be written (%s); %s", error, kept)
            self.problem = reason


def _mid_epoch(checkpoint: dict[str, Any]) -> None:
    """Have Lightning's loops say that the one epoch goes on.

    A run is one epoch whose length may be raised on resume. At its end, and after an interrupt, the loops say that the
    epoch is over, and a resumed trainer would do nothing.
    """
    loop = checkpoint["loops"]["fit_loop"]
    for part in loop["epoch_progress"].values():
        part.update(ready=1, started=1, processed=0, completed=0)
    batches = loop["epoch_loop.batch_progress"]
    batches["is_last_batch"] = False
    for part in ("current", "total"):
        batches[part]["completed"] = batches[part]["processed"]
    # Lightning counts a batch after its hooks, and numbers the rows of metrics by this
    loop["epoch_loop.state_dict"]["_batches_that_stepped"] = batches["total"]["processed"]
    checkpoint["epoch"] = 0
