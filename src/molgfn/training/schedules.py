"""Factors on learning rates over the iterations of a run.

They need not end: halving goes on, and factors multiply. That is why they are not ramps (``objectives.combined.term``),
which go from one number to another and stay there, as weights of objectives do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from molgfn.errors import ConfigError


@dataclass(frozen=True)
class Schedule:
    """The factor on the learning rate at an iteration: a linear warm-up, then constant, halving or a cosine.

    Args:
        warm_up: iterations in which the factor rises linearly, from 1 / warm_up in the first one to 1 in the last; None
            begins with 1. What follows counts from the end of it.
        half_life: iterations in which the factor halves, again and again; None does not.
        cosine: iterations in which the factor falls from 1 to ``cosine_end`` along half a cosine, where it then stays;
            None does not.
        cosine_end: see ``cosine``.

    Raises:
        ConfigError: both ``half_life`` and ``cosine`` are given, or an end without a cosine.
    """

    warm_up: int | None = None
    half_life: int | None = None
    cosine: int | None = None
    cosine_end: float | None = None

    def __post_init__(self) -> None:
        if self.half_life is not None and self.cosine is not None:
            raise ConfigError("half_life and cosine are two ways to lower the learning rates; set one of them to null")
        if self.cosine is None and self.cosine_end is not None:
            raise ConfigError(f"cosine_end is {self.cosine_end}, but there is no cosine to end there; set cosine")

    def factor(self, iteration: int, decay: float = 1.0) -> float:
        """At ``iteration``, counted from 0; ``decay`` is one more factor per iteration."""
        warm_up = self.warm_up or 0
        rising = (iteration + 1) / warm_up if iteration < warm_up else 1.0
        after = max(iteration - warm_up, 0)
        if self.cosine is not None:
            end = self.cosine_end or 0.0
            falling = end + (1 - end) * (1 + math.cos(math.pi * min(after / self.cosine, 1.0))) / 2
            return rising * falling * decay**after
        halving = 0.5 ** (1 / self.half_life) if self.half_life else 1.0
        return rising * (halving * decay) ** after
