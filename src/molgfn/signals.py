"""The signals that end work: which they are, who handles them for how long, and how an interrupt says its number."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: Ctrl-C, what ``kill`` and clusters send, and the warning that SLURM can be asked for (``--signal=USR1@120``)
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
)  # Windows has no SIGUSR1

#: the warning of a SLURM job, where it came before a run could take it
_early: list[int] = []
#: gets the number of a signal and where it came in
Handler = Callable[[int, FrameType | None], Any]


def taken_by(handler: Handler) -> dict[int, Any]:
    """Have ``handler`` get the signals from now on; returns who had them before, for ``put_back``.

    Only the main thread can; elsewhere nothing changes, and the caller's own handling stays.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in SIGNALS}


def put_back(before: dict[int, Any]) -> None:
    """Undo ``taken_by``, once."""
    for number, handler in before.items():
        signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    before.clear()


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Within it, ``handler`` gets the signals (``taken_by``)."""
    before = taken_by(handler)
    try:
        yield
    finally:
        put_back(before)


def interrupting(error: BaseException) -> int:
    """Number of the signal that a ``KeyboardInterrupt`` stands for."""
    return next((number for number in error.args if isinstance(number, int)), signal.SIGINT)


@contextmanager
def warning_kept() -> Iterator[None]:
    """Within it, where this is a SLURM job, SIGUSR1 is kept for the run that is being prepared, which would die of it.

    SLURM may send it a minute early (``sbatch --signal``): at once in a short job, or in one that is preempted.
    """
    if "SLURM_JOB_ID" not in os.environ or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signal.SIGUSR1: signal.signal(signal.SIGUSR1, lambda number, frame: _early.append(number))}
    try:
        yield
    finally:
        put_back(before)  # type: ignore[arg-type]
        _early.clear()


def kept_warning() -> int | None:
    """Number of the signal that was kept, once; None where none came."""
    return _early.pop() if _early else None
