"""A growing set of 64-bit numbers in little memory: a run that never ends keeps one number for each object it met."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class NumberSet:
    """Signed 64-bit numbers, 8 bytes each (a ``set`` of Python takes about 100).

    The latest ones are in a ``set``, all others in a sorted array; they are joined where the latest have become many.

    Args:
        numbers: what is in it at first, int64 [n].
    """

    def __init__(self, numbers: Tensor | None = None) -> None:
        start = np.zeros(0, dtype=np.int64) if numbers is None else numbers.cpu().numpy().astype(np.int64)
        self._sorted = np.unique(start)
        self._latest: set[int] = set()

    def __len__(self) -> int:
        return len(self._sorted) + len(self._latest)

    def __contains__(self, number: int) -> bool:
        if number in self._latest:
            return True
        place = int(self._sorted.searchsorted(number))
        return place < len(self._sorted) and int(self._sorted[place]) == number

    def add(self, number: int) -> None:
        if number in self:
            return
        self._latest.add(number)
        if len(self._latest) > 1024 + len(self._sorted) // 16:
            self._join()

    def tensor(self) -> Tensor:
        """All of them, int64 [n], ascending."""
        self._join()
        return torch.from_numpy(self._sorted.copy())

    def _join(self) -> None:
        if self._latest:
            both = np.concatenate([self._sorted, np.fromiter(self._latest, dtype=np.int64, count=len(self._latest))])
            both.sort(kind="stable")
            self._sorted = both
            self._latest.clear()
