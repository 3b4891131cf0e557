"""A command as a process of its own, to its very end: signals are for it, and it may take its time to save."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from types import FrameType
from typing import Any

from molgfn.cli.main import SIGNALLED


def attended(command: Sequence[str]) -> int:
    """Run a command and return its exit code (128 and the signal's number where one killed it).

    ``subprocess.run`` kills the command a quarter of a second after Ctrl-C. Here it is told, and waited for. A signal
    that a terminal or a cluster has sent to it as well counts once there (``Interrupts``).
    """
    came: list[int] = []
    child: subprocess.Popen[Any] | None = None

    def pass_on(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if child is not None:
            child.send_signal(number)

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]
    # handled, not ignored: that the child would inherit
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        child = subprocess.Popen(command)
        for number in came:  # before there was a child
            child.send_signal(number)
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else SIGNALLED - code
