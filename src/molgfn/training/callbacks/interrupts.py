"""Signals end training after the iteration that they come in, so that a checkpoint can be written."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytorch_lightning as pl

from molgfn.ranks import ALONE, Ranks
from molgfn.signals import handled, kept_warning, put_back, taken_by

logger = logging.getLogger("molgfn")

#: seconds within which signals count once: a cluster sends them to each process, and processes pass them on
ONCE = 1.0


class Interrupts(pl.Callback):
    """Ends training after the present iteration at a first signal; a second one stops at once.

    Args:
        ranks: the processes of the run; where one is told to end, all do.

    Attributes:
        signal: number of the signal that ended training; None where none did.
    """

    def __init__(self, ranks: Ranks = ALONE) -> None:
        self.ranks = ranks
        self.signal: int | None = None
        self._came = 0.0
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._before = taken_by(self._note)
        if (number := kept_warning()) is not None:
            self._note(number, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._came = number, now
            name = signal.Signals(number).name
            logger.warning("%s: the run ends after this iteration, with a checkpoint; once more ends it now", name)
        elif now - self._came >= ONCE:
            raise KeyboardInterrupt(number)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.ranks.any(self.signal is not None):
            self.signal = max(number for number in self.ranks.gather(self.signal) if number is not None)
            trainer.should_stop = True

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        put_back(self._before)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        put_back(self._before)


@contextmanager
def signals_interrupt(then: Callable[[int], None] | None = None) -> Iterator[None]:
    """Within it, each of the signals raises ``KeyboardInterrupt(number)``, as Ctrl-C does; ``then(number)`` goes first.

    In the main thread; elsewhere it changes nothing. While a run trains, the run has its own way (``Interrupts``).
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        if then is not None:
            then(number)
        raise KeyboardInterrupt(number)

    with handled(interrupt):
        yield


@contextmanager
def interrupts_as_they_are() -> Iterator[None]:
    """Around Lightning, which makes ``sys.exit(1)`` of a ``KeyboardInterrupt`` and ignores Ctrl-C from then on."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        if main:
            signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt(*error.__context__.args) from None
