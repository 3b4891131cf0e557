"""What a person sees while a command works: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: seconds between two lines where standard error is no terminal
SECONDS = 15.0


@contextmanager
def shown(seconds: float = SECONDS) -> Iterator[Callable[[str, int, int | None], None]]:
    """``show(what, done, total)``: say how far ``what`` has come, on standard error; ``total`` None where not known.

    Args:
        seconds: between lines, where standard error is no terminal. What takes less leaves no line.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        last = time.monotonic()

        def say(what: str, done: int, total: int | None) -> None:
            nonlocal last
            if time.monotonic() - last >= seconds:
                last = time.monotonic()
                whole = "" if total is None else f" of {total:,}"
                console.print(f"{what}: {done:,}{whole}", highlight=False, markup=False, soft_wrap=True)

        yield say
        return
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield show
