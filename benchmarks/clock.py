"""Where time goes, by the names of blocks; for the other scripts here."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


class Clock:
    """Exclusive time by name: time inside a nested block counts for that block only."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._since = 0.0

    @contextmanager
    def block(self, name: str):
        now = self.now()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._stack.append(name)
        self._since = now
        try:
            yield
        finally:
            now = self.now()
            self.seconds[self._stack.pop()] += now - self._since
            self._since = now

    def wrap(self, thing: object, method: str, name: str) -> None:
        function: Callable = getattr(thing, method)

        def timed(*args, **kwargs):
            with self.block(name):
                return function(*args, **kwargs)

        setattr(thing, method, timed)
