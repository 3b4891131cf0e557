"""Choosing without a model: at random, or in the order of the candidates."""

from __future__ import annotations

from typing import Any

import numpy as np

from molgfn.acquisition.models.base import Acquisition, Choice


class RandomChoice(Acquisition):
    """Each candidate equally likely, whoever proposed it."""

    def choose(self, objects: Any, n: int, random: np.random.Generator) -> Choice:
        count = len(objects)
        rows = random.choice(count, min(n, count), replace=False)
        return Choice.plain(rows, f"drawn at random from {count:,} candidates")


class InOrder(Acquisition):
    """The first candidates, in the order of the proposers and of what each proposed: no choice at all.

    With policy samples alone and as many as a round takes, the sampler is scored as in training without a loop.
    """

    def choose(self, objects: Any, n: int, random: np.random.Generator) -> Choice:
        count = len(objects)
        return Choice.plain(range(min(n, count)), f"taken in order from {count:,} candidates")
