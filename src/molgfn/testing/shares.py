"""Two processes of a run, played by two threads: what an objective makes of the halves of a batch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from molgfn.ranks import Ranks

T = TypeVar("T")


class _Side(Ranks):
    """One of several threads that add up what they have, each asking the same questions in the same order."""

    def __init__(self, rank: int, board: list[Tensor], meet: threading.Barrier) -> None:
        self.rank, self.size = rank, len(board)
        self._board, self._meet = board, meet

    def sum(self, values: Tensor) -> Tensor:
        self._board[self.rank] = values.detach().clone()
        self._meet.wait()
        total = torch.stack(self._board).sum(0)
        self._meet.wait()  # nobody writes the next before all have read this
        return total


def on_each(function: Callable[[Ranks], T], size: int = 2) -> list[T]:
    """``function(ranks)`` on each of ``size`` processes of a run; they may add up, and only that.

    Raises:
        threading.BrokenBarrierError: one of them has asked what the others have not.
    """
    board, meet = [torch.zeros(())] * size, threading.Barrier(size, timeout=60)

    def run(rank: int) -> T:
        try:
            return function(_Side(rank, board, meet))
        except threading.BrokenBarrierError:
            raise
        except BaseException:
            meet.abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        futures = [pool.submit(run, rank) for rank in range(size)]
        errors = [error for future in futures if (error := future.exception()) is not None]
        for error in sorted(errors, key=lambda e: isinstance(e, threading.BrokenBarrierError)):
            raise error
        return [future.result() for future in futures]
