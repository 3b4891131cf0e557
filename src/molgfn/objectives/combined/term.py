"""One objective among several: how much it weighs, and of which trajectories it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field

from molgfn.errors import ConfigError
from molgfn.objectives.base import Objective
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.sources import SourceCode, code_of


class Ramp:
    """A weight that goes from one value to another over the iterations of a run, and then stays.

    Learning rates have ``training.schedules.Schedule``, which need not end; epsilon of ``policies.exploration`` falls
    as a linear ramp from iteration 0 on, by keys of its own, which are in the configs of kept runs.

    Args:
        start: weight up to iteration ``first``, >= 0.
        end: weight from iteration ``last`` on, >= 0.
        first: iteration, counted from 0, at which it begins to change.
        last: iteration at which it has changed, after ``first``.
        shape: "linear", "cosine" (half a wave, flat at both ends), or "geometric": by the same factor at each
            iteration, which needs both weights above 0.

    Raises:
        ConfigError: ``last`` is not after ``first``, or a geometric way to or from 0.
    """

    def __init__(
        self,
        *,
        start: Annotated[float, Field(ge=0)],
        end: Annotated[float, Field(ge=0)],
        last: Annotated[int, Field(ge=1)],
        first: Annotated[int, Field(ge=0)] = 0,
        shape: Literal["linear", "cosine", "geometric"] = "linear",
    ) -> None:
        if last <= first:
            raise ConfigError(f"last ({last}) should be after first ({first})")
        if shape == "geometric" and min(start, end) <= 0:
            raise ConfigError("a geometric way neither starts nor ends at 0; take linear or cosine")
        self.start, self.end, self.first, self.last, self.shape = start, end, first, last, shape

    def at(self, iteration: int) -> float:
        """The weight at an iteration, counted from 0."""
        share = min(max(iteration - self.first, 0) / (self.last - self.first), 1.0)
        if self.shape == "geometric":
            return self.start * (self.end / self.start) ** share
        if self.shape == "cosine":
            share = (1 - math.cos(math.pi * share)) / 2
        return self.start + (self.end - self.start) * share


class Term:
    """An objective as part of a sum.

    Args:
        objective: what is added; one that takes one step on each batch.
        weight: factor of its losses, >= 0: a number, or one that changes (``Ramp``).
        sources: names of ``data.sources`` whose trajectories it is of; null for all. It is a mean over these alone.

    Raises:
        ConfigError: it takes several steps, or freezes something between them, which a sum has no place for; or no
            source is named.
    """

    def __init__(
        self,
        *,
        objective: Objective,
        weight: Annotated[float, Field(ge=0)] | Ramp = 1.0,
        sources: Sequence[str] | None = None,
    ) -> None:
        kind = type(objective)
        if kind.phases is not Objective.phases or kind.prepare is not Objective.prepare or objective.epochs > 1:
            raise ConfigError(
                f"{kind.__name__} takes steps of its own kind on a batch (phases, frozen values), which a sum with "
                "others has no place for; objectives of one step fit, such as tb, mle or rtb"
            )
        if sources is not None and not sources:
            raise ConfigError("sources: names none; null takes all")
        self.objective = objective
        self.weight = weight
        self.sources = None if sources is None else frozenset(sources)

    def at(self, iteration: int) -> float:
        """The weight at an iteration."""
        return self.weight.at(iteration) if isinstance(self.weight, Ramp) else self.weight

    def of(self, evaluated: Evaluated) -> Evaluated | None:
        """The trajectories of its sources; None where there are none in this batch."""
        if self.sources is None:
            return evaluated
        codes = evaluated[SourceCode]
        wanted = torch.tensor(sorted(code_of(name) for name in self.sources), device=codes.device)
        rows = torch.isin(codes, wanted).nonzero().squeeze(1)
        if len(rows) == len(codes):
            return evaluated
        if not len(rows):
            return None
        n = len(evaluated)
        return evaluated.map(lambda value, _: value[rows] if value.dim() and len(value) == n else value)
