"""A command as a process of its own, to its very end: signals are for it, and it may take its time to save."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from types import FrameType
from typing import Any


def attended(command: Sequence[str]) -> int:
    """Run a command and return its exit code (128 and the signal's number where one killed it).

    ``subprocess.run`` kills the command a quarter of a second after Ctrl-C. Here Ctrl-C, which a terminal sends to both
    processes, is left to the command; SIGTERM and SIGUSR1 are passed on to it.
    """
    came: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if number != signal.SIGINT and child is not None:
            child.send_signal(number)

    child: subprocess.Popen[Any] | None = None
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]
    before = {
        number: signal.signal(number, pass_on) for number in numbers
    }  # not SIG_IGN, which the child would inherit
    try:
        if came:
            return 128 + came[0]
        child = subprocess.Popen(command)
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
