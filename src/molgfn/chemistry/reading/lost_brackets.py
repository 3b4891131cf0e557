"""Square brackets that the command line took for those of a list."""

from __future__ import annotations

from collections.abc import Callable


def lost_brackets_hint(key: str, text: str, readable: Callable[[str], bool]) -> str:
    """How to keep the brackets of ``[OH]``, which arrive as the list ``["OH"]``; empty where that is not the mistake.

    Args:
        key: the oracle's parameter.
        text: what could not be read.
        readable: whether a text can be read.
    """
    whole = f"[{text}]"
    if not text.strip() or not readable(whole):
        return ""
    return f"; if it is {whole}, quote it twice on the command line: 'oracle.{key}=\"{whole}\"'"
