"""Which strings of a small space mean which molecule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: most strings that are read to count spellings (RDKit reads some thousands a second)
MOST_SPELLED = 300_000


class Spellings:
    """The strings of every molecule, by their numbers.

    A string that means no molecule is counted under the key of its problem, as one more thing that strings stand for:
    it takes its share of P_T, too.

    Args:
        keys: of what each string means, one string after the other.
        start: number of the first string.
    """

    def __init__(self, keys: Sequence[str], start: int) -> None:
        self._numbers: dict[str, list[int]] = {}
        for number, key in enumerate(keys, start):
            self._numbers.setdefault(key, []).append(number)

    def __len__(self) -> int:
        return len(self._numbers)

    def count(self, key: str) -> int:
        """C(x), how many strings mean x; 0 for none."""
        return len(self._numbers.get(key, ()))

    def first(self, key: str) -> int:
        """The first string; there must be one."""
        return self._numbers[key][0]

    def drawn(self, key: str, rng: np.random.Generator) -> int:
        """A string, each equally often; there must be one."""
        numbers = self._numbers[key]
        return numbers[int(rng.integers(len(numbers)))]
