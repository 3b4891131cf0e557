"""A command as a process of its own, to its very end: signals are for it, and it may take its time to save."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from types import FrameType
from typing import Any

from molgfn.cli.main import SIGNALLED
from molgfn.signals import handled


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

    with handled(pass_on):  # not ignored: that the child would inherit
        child = subprocess.Popen(command)
        for number in came:  # before there was a child
            child.send_signal(number)
        code = child.wait()
    return code if code >= 0 else SIGNALLED - code
