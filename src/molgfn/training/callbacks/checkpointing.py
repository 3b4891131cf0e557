"""Checkpoints: written whole or not at all, readable without running code, and one before the latest is kept."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from molgfn.ranks import ALONE, Ranks
from molgfn.training.callbacks.rows import Rows
from molgfn.training.whole_file import sync_folder

logger = logging.getLogger("molgfn")

#: in ``checkpoints`` of a run folder
LAST, PREVIOUS = "last.ckpt", "previous.ckpt"


class Checkpointing(pl.Callback):
    """Writes ``checkpoints/last.ckpt`` now and then, and at the end of training, also where a signal ended it.

    The one before it stays as ``previous.ckpt``. At every moment one of the two is whole, whatever happens.

    Args:
        folder: the run folder.
        record: plain data that makes the checkpoint describe itself (config, version, W&B id).
        every: iterations between checkpoints.
        minutes: and at the latest after so many, at the end of an iteration; None for no limit.
        rows: knows how long the run has trained, which goes into the record as ``seconds``.
        resumed: the checkpoint that the run goes on from; what else lies there is not kept as ``previous.ckpt``.
        ranks: the processes of the run; the first one writes.

    Attributes:
        path: of the latest checkpoint.
        problem: why the latest attempt to write one failed; None where it did not.
    """

    def __init__(
        self,
        folder: Path,
        record: dict[str, Any],
        every: int,
        minutes: float | None = None,
        rows: Rows | None = None,
        resumed: Path | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.path = folder / "checkpoints" / LAST
        self.record = record
        self.rows = rows
        self.every = every
        self.seconds = float("inf") if minutes is None else 60.0 * minutes
        self.ranks = ranks
        self.problem: str | None = None
        self._sound = resumed is not None and resumed.resolve() == self.path.resolve()  # it has been read
        self._iteration: int | None = None  # of the one at ``path``
        self._saved = time.monotonic()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["molgfn"] = {**self.record, "iteration": trainer.datamodule.iteration}  # type: ignore[attr-defined]
        if self.rows is not None:
            checkpoint["molgfn"]["seconds"] = self.rows.elapsed
        checkpoint["molgfn"]["gradient_steps"] = pl_module.learner.steps.taken  # type: ignore[union-attr]
        _mid_epoch(checkpoint)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._saved = time.monotonic()
        if self.ranks.first:
            for part in self.path.parent.glob("*.part"):  # of a life that ended while it wrote
                part.unlink(missing_ok=True)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        late = self.seconds < float("inf") and self.ranks.any(time.monotonic() - self._saved >= self.seconds)
        if (batch_idx + 1) % self.every == 0 or late:
            self.save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # not in on_train_end: there weight averaging has already replaced the weights that train by their average
        self.save(trainer)

    def save(self, trainer: pl.Trainer) -> None:
        """Write beside the old checkpoint, then take its place; a full disk leaves the old one and says so."""
        self._saved = time.monotonic()  # also where it fails: a full disk is not tried again at each iteration
        part = self.path.with_name(f"{LAST}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            trainer.save_checkpoint(part)  # on every rank
            if self.ranks.first:
                self._take_place(part, trainer.datamodule.iteration)  # type: ignore[attr-defined]
            self.problem = None
        except OSError as error:
            reason = error.strerror or str(error)
            kept = f"the one before is still at {self.path}" if self.path.exists() else "there is none before it"
            if reason != self.problem:  # a disk that stays full says so once, not at each checkpoint
                logger.error("the checkpoint could not be written (%s); %s", error, kept)
            self.problem = reason
        finally:
            if self.ranks.first:
                part.unlink(missing_ok=True)

    def _take_place(self, part: Path, iteration: int) -> None:
        """Of the latest one, which becomes the previous one; the latest is there at every moment."""
        if self._sound and self._iteration != iteration:  # the last of a run is written twice where the rhythm has it
            before = self.path.with_name(f"{PREVIOUS}.part")
            before.unlink(missing_ok=True)
            try:
                os.link(self.path, before)
            except OSError:  # a file system without links: for a moment only the previous one is there
                os.replace(self.path, self.path.with_name(PREVIOUS))
            else:
                os.replace(before, self.path.with_name(PREVIOUS))
        os.replace(part, self.path)
        sync_folder(self.path.parent)
        self._sound, self._iteration = True, iteration


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
