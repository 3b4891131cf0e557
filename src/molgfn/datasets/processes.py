"""Work on many items in worker processes, with the results in order and few items under way."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    jobs: int,
    initializer: Callable[[], object] | None = None,
) -> Iterator[tuple[T, R]]:
    """(item, ``work(item)``) of each item, in order; no more of them are taken than keep the workers busy.

    Args:
        work: a function of a module, which the workers import.
        items: picklable.
        jobs: worker processes; they start afresh, so a script needs ``if __name__ == "__main__"``.
        initializer: called once in each worker; picklable, as ``work`` is.
    """
    # started afresh: a fork of a process with threads (torch's, a logger's) may hang
    context = multiprocessing.get_context("spawn")
    waiting: deque[tuple[T, Future[R]]] = deque()
    with ProcessPoolExecutor(jobs, context, initializer) as pool:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > 2 * jobs:
                first, result = waiting.popleft()
                yield first, result.result()
        for rest, result in waiting:
            yield rest, result.result()
