"""What the other processes of a run have to warn of, said by the first."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytorch_lightning as pl

from molgfn.ranks import Ranks

logger = logging.getLogger("molgfn")


class Warnings(logging.Handler):
    """Keeps warnings and errors of a process until they are asked for."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._kept: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append((record.levelno, record.getMessage()))

    def take(self) -> list[tuple[int, str]]:
        """(level, text) of each since the last time."""
        kept, self._kept = self._kept, []
        return kept


class OtherRanks(pl.Callback):
    """Brings what all processes warn of into one log: once what several say alike, the rest with the rank before it.

    Where a process ends by an error, it says itself what it has not yet told.

    Args:
        ranks: the processes of the run.
        every: iterations between two times.
    """

    def __init__(self, ranks: Ranks, every: int) -> None:
        self.ranks, self.every = ranks, every
        self._warnings = Warnings()
        logger.addHandler(self._warnings)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self.every == 0:
            self._tell()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._tell()

    def _tell(self) -> None:
        told = self.ranks.gather(self._warnings.take())
        if not self.ranks.first:
            return
        said = set(told[0])
        for rank, warnings in enumerate(told[1:], 1):
            for level, text in warnings:
                if (level, text) not in said:
                    said.add((level, text))
                    logger.log(level, "process %d: %s", rank, text)
        self._warnings.take()  # which are those

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        logger.removeHandler(self._warnings)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        logger.removeHandler(self._warnings)
        if not self.ranks.first:
            for _, text in self._warnings.take():
                print(f"process {self.ranks.rank}: {text}", file=sys.stderr)
