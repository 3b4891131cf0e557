"""What one iteration found, on all processes of a run together: what records and counts go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from molgfn.ranks import ALONE, Ranks
from molgfn.rewards.base import ConditionValues, Scores
from molgfn.serving.measurements import cat_columns
from molgfn.trajectories.rewarded import Batch, Rewarded, StateScores


@dataclass(frozen=True)
class ScoredObjects:
    """n objects that were scored. Everything lies on the CPU.

    Attributes:
        keys: of the objects.
        sources: words, where each came from.
        scores: of the objects.
        condition: name -> float [n], what each was built under; empty without conditions.
    """

    keys: list[str]
    sources: list[str]
    scores: Scores
    condition: ConditionValues = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def of(cls, part: Rewarded) -> ScoredObjects:
        """The objects of trajectories."""
        return cls(part.trajectories.keys, part.trajectories.source, part.scores, _on_cpu(part.condition))

    @classmethod
    def of_states(cls, states: StateScores) -> ScoredObjects:
        """The objects that states on the way stand for."""
        return cls(states.keys, ["state"] * len(states.keys), states.scores, _on_cpu(states.condition))

    @classmethod
    def cat(cls, parts: Sequence[ScoredObjects]) -> ScoredObjects:
        """At least one, one after the other."""
        return cls(
            [key for part in parts for key in part.keys],
            [source for part in parts for source in part.sources],
            Scores.cat([part.scores for part in parts]),
            cat_columns([part.condition for part in parts]),
        )

    def plain(self) -> ScoredObjects:
        """Without what log R can be made of anew, which is for stores and would have to be sent."""
        return replace(self, scores=replace(self.scores, measurements=None))


@dataclass(frozen=True)
class Found:
    """What one iteration scored, that of rank 0 first.

    Attributes:
        fresh: objects of newly drawn trajectories.
        lengths: of these trajectories, int64 [n], on the CPU.
        given: given objects; None where there are none.
        states: what states on the way of ``fresh`` stand for; None where nobody asked for it.
        start: where in ``fresh`` the objects of this process begin.
    """

    fresh: ScoredObjects
    lengths: Tensor
    given: ScoredObjects | None = None
    states: ScoredObjects | None = None
    start: int = 0

    @classmethod
    def of(cls, batch: Batch, ranks: Ranks = ALONE) -> Found:
        """What all processes found, each in its ``batch``; they call together."""
        fresh, states = batch.fresh, batch.fresh.on_the_way
        own = cls(
            ScoredObjects.of(fresh),
            fresh.trajectories.lengths.cpu(),
            None if batch.given is None else ScoredObjects.of(batch.given),
            None if states is None else ScoredObjects.of_states(states),
        )
        if ranks.size == 1:
            return own
        everyone = ranks.gather(
            cls(own.fresh.plain(), own.lengths, own.given and own.given.plain(), own.states and own.states.plain())
        )
        return cls(
            ScoredObjects.cat([found.fresh for found in everyone]),
            torch.cat([found.lengths for found in everyone]),
            _joined([found.given for found in everyone]),
            _joined([found.states for found in everyone]),
            sum(len(found.fresh) for found in everyone[: ranks.rank]),
        )


def _joined(parts: Sequence[ScoredObjects | None]) -> ScoredObjects | None:
    there = [part for part in parts if part is not None]
    return ScoredObjects.cat(there) if there else None


def _on_cpu(condition: ConditionValues) -> ConditionValues:
    return {name: values.cpu() for name, values in condition.items()}
