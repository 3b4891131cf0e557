"""A number for each candidate by what a model expects of it, and that number in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from molgfn.acquisition.criteria import expected_improvement, upper_confidence
from molgfn.acquisition.models.base import Choice
from molgfn.errors import ConfigError

Positive = Annotated[float, Field(gt=0)]


class Criterion:
    """Upper confidence bound with a beta drawn anew for each pick, or expected improvement.

    Args:
        name: ucb: mean + beta deviation. ei: expected improvement over the best known.
        beta: least and largest beta; its logarithm is drawn uniformly between theirs. For ucb.

    Raises:
        ConfigError: the largest beta is below the least.
    """

    def __init__(self, name: Literal["ucb", "ei"], beta: tuple[float, float]) -> None:
        if beta[0] > beta[1]:
            raise ConfigError(f"beta: should be the least and the largest, got {beta[0]:g} and {beta[1]:g}")
        self.name, self.beta = name, beta

    def draw(self, random: np.random.Generator) -> float:
        """A beta; EI draws one, too, so that the stream does not depend on the criterion."""
        low, high = np.log(self.beta)
        return float(np.exp(random.uniform(low, high)))

    def values(self, mean: np.ndarray, deviation: np.ndarray, best: float, beta: float) -> np.ndarray:
        """The number of each candidate, [n]."""
        if self.name == "ucb":
            return upper_confidence(mean, deviation, beta)
        return expected_improvement(mean, deviation, best)

    def words(self, mean: float, deviation: float, best: float, beta: float, count: int) -> str:
        """Why a candidate was chosen."""
        by = f"ucb, beta {beta:.3g}" if self.name == "ucb" else f"ei over {best:.4g}"
        return f"{by}: expected {mean:.4g} +- {deviation:.3g}, best of {count:,} candidates left"

    def pick(
        self,
        mean: np.ndarray,
        deviation: np.ndarray,
        best: float,
        n: int,
        random: np.random.Generator,
        after: Callable[[int], np.ndarray] | None = None,
    ) -> Choice:
        """``n`` of the candidates [c], one by one, each the largest under a beta of its own.

        Args:
            mean: of what is expected.
            deviation: likewise.
            best: worth of the best known.
            n: how many, at least 1.
            random: draws the betas.
            after: told which one was picked, gives the deviations [c] that are left; None: they stay.
        """
        left = np.ones(len(mean), dtype=bool)
        rows, values, reasons = [], [], []
        for _ in range(min(n, len(mean))):
            beta = self.draw(random)
            value = np.where(left, self.values(mean, deviation, best, beta), -np.inf)
            row = int(value.argmax())
            rows.append(row)
            values.append(float(value[row]))
            reasons.append(self.words(float(mean[row]), float(deviation[row]), best, beta, int(left.sum())))
            left[row] = False
            deviation = deviation if after is None else after(row)
        return Choice(np.array(rows, dtype=np.int64), np.array(values), reasons)

    def hopes(
        self, expect: Callable[[Any], tuple[np.ndarray, np.ndarray]], random: np.random.Generator
    ) -> Callable[[Any], np.ndarray]:
        """mean + beta deviation of what is expected, under one beta: also for EI, which is 0 of all that is known."""
        beta = self.draw(random)
        return lambda objects: upper_confidence(*expect(objects), beta)
