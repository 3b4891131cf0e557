"""How far an evaluation has come, for whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable

#: called with what is being done, how much of it is, and how much there is to do
Progress = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""
