"""The calls of a loop, and the numbers that are followed from round to round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from molgfn.acquisition.proposers.several import Pool
from molgfn.optimising.assembling import Parts


@dataclass
class Calls:
    """Every oracle call in order.

    Attributes:
        keys: of the objects.
        values: what the oracle said, NaN for nothing.
        sources: who proposed each.
        rounds: in which round.
    """

    keys: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, keys: Sequence[str], values: Sequence[float], sources: Sequence[str], number: int) -> None:
        """Take up the calls of a round."""
        self.keys += keys
        self.values += values
        self.sources += sources
        self.rounds += [number] * len(keys)

    def best(self, n: int, sign: int) -> np.ndarray:
        """The ``n`` best values (or as many as there are), best first; ``sign`` -1 where less is better."""
        values = np.array(self.values, dtype=np.float64)
        values = values[np.isfinite(values)]
        return sign * np.sort(sign * values)[::-1][:n]

    def plain(self) -> list[list[Any]]:
        """For a checkpoint."""
        return [self.keys, self.values, self.sources, self.rounds]

    @classmethod
    def of(cls, plain: list[list[Any]]) -> Calls:
        """What ``plain`` gave."""
        return cls(*map(list, plain))


def sign_of(parts: Parts) -> int:
    """1 where more is better, else -1."""
    return -1 if parts.reward.scored.direction == "minimise" else 1


def of_the_best(n: int, there: int) -> str:
    """In words: the ``n`` best, or as many as there are."""
    if there >= n:
        return "the best" if n == 1 else f"the {n} best"
    return "the only one" if there == 1 else f"all {there}"


def optimum_of(parts: Parts) -> float:
    """The best value that there can be; NaN where nothing says so."""
    if parts.rounds.optimum is not None:
        return parts.rounds.optimum
    ends = getattr(getattr(parts.reward, "oracle", None), "range", (-math.inf, math.inf))
    end = float(ends[1] if sign_of(parts) > 0 else ends[0])
    return end if math.isfinite(end) else math.nan


def row_of(number: int, calls: Calls, pool: Pool, parts: Parts) -> dict[str, float]:
    """The row of metrics of a round; means of the best are of as many as were ``scored`` where these are fewer."""
    sign = sign_of(parts)
    scored = calls.best(len(calls), sign)

    def mean(n: int) -> float:
        return float(scored[:n].mean()) if len(scored) else math.nan

    best = mean(1)
    own = [source for source, at in zip(calls.sources, calls.rounds, strict=True) if at == number]
    return {
        "round": float(number),
        "calls": float(len(calls)),
        "scored": float(len(scored)),
        "candidates": float(len(pool)),
        "best": best,
        "mean_top10": mean(10),
        "mean_top100": mean(100),
        "simple_regret": sign * (optimum_of(parts) - best),
        **{f"calls/{name}": float(own.count(name)) for name in parts.candidates.by_name},
    }
