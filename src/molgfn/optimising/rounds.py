"""How a loop goes on: calls in a round, and what is said of it at the end."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]


class Rounds:
    """Length of a round and what is measured of the whole.

    Args:
        size: oracle calls of a round.
        first: those of the first one, which nobody chooses; None: as many as of any other.
        most: rounds after which the loop ends before its budget does; None for no limit.
        patience: rounds in a row without a new candidate after which it ends.
        checkpoint_every: rounds between checkpoints. What was called after the latest one is called again by a loop
            that goes on, so that with a dear oracle it should be 1 (and ``scoring.disk_cache`` on).
        hit: value from which on (or below which, of what is to be minimised) an object is a hit, whose circles are
            counted; None for none.
        optimum: best value there can be, from which the regret is counted; None: the end of the oracle's range, and no
            regret where it has no end.
        report: write ``report.html``.
    """

    def __init__(
        self,
        *,
        size: Count = 32,
        first: Count | None = None,
        most: Count | None = None,
        patience: Count = 10,
        checkpoint_every: Count = 1,
        hit: float | None = None,
        optimum: float | None = None,
        report: bool = True,
    ) -> None:
        self.size, self.most, self.patience = size, most, patience
        self.first = size if first is None else first
        self.checkpoint_every = checkpoint_every
        self.hit, self.optimum, self.report = hit, optimum, report
