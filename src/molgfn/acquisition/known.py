"""What is known of objects: the values that were paid for, and those that came with a prescreen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from molgfn.objects.base import ObjectKind
from molgfn.rewards.base import Scores

#: the round of labels that came before the first one
PRESCREEN = 0


@dataclass
class Known:
    """Different objects in the order in which they became known.

    Attributes:
        kind: of the objects.
        objects: a batch [n].
        keys: of them.
        worth: how good each is, more is better, float64 [n]; NaN where the oracle had no value.
        rounds: the round in which each became known, int64 [n], never falling; ``PRESCREEN`` before the first.
        sources: what proposed each.
        scores: of them, from which log R under any condition follows.
    """

    kind: ObjectKind
    objects: Any = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    worth: np.ndarray = field(default_factory=lambda: np.zeros(0))
    rounds: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    sources: list[str] = field(default_factory=list)
    scores: Scores | None = None
    _there: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, key: str) -> bool:
        return key in self._there

    def add(
        self, objects: Any, keys: Sequence[str], worth: np.ndarray, number: int, sources: Sequence[str], scores: Scores
    ) -> None:
        """Take up objects [m] that are not there, of round ``number``."""
        self.objects = self.kind.cat([self.objects, objects]) if self.keys else objects
        self.keys += keys
        self.worth = np.append(self.worth, worth)
        self.rounds = np.append(self.rounds, np.full(len(keys), number))
        self.sources += sources
        self.scores = scores if self.scores is None else Scores.cat([self.scores, scores])
        self._there.update(keys)

    def correct(self, keys: Sequence[str], worth: np.ndarray, scores: Scores) -> None:
        """What is said now of objects that are there replaces what was said, for all who learn from it."""
        before = self.scores
        if before is None:
            raise ValueError("nothing is known yet")
        place = {key: row for row, key in enumerate(self.keys)}
        rows = [place[key] for key in keys]
        self.worth[rows] = worth
        order = torch.arange(len(self))
        order[rows] = len(self) + torch.arange(len(rows))
        self.scores = Scores.cat([before, scores]).index(order)

    @property
    def valued(self) -> np.ndarray:
        """Rows that have a value, in order, int64."""
        return np.flatnonzero(np.isfinite(self.worth))

    def best(self, n: int) -> np.ndarray:
        """Rows of the ``n`` best (or as many as have a value), best first, int64; equal ones in order."""
        rows = self.valued
        return rows[np.argsort(-self.worth[rows], kind="stable")][:n]

    def take(self, rows: np.ndarray) -> Any:
        """The batch of the objects at ``rows``."""
        return self.kind.take(self.objects, rows.tolist())
