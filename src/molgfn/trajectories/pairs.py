"""Which trajectories of a batch are two of a pair, and which of the two is preferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

#: why two trajectories that were drawn as a pair are none; the code of a reason is its place, from 1
DROPPED = ("same_object", "same_step", "not_worse", "no_value")


def code_of(why: str) -> int:
    """The code of a reason of ``DROPPED``."""
    return DROPPED.index(why) + 1


@dataclass(frozen=True)
class Pairs:
    """Preferences among B trajectories: a pair is one that is chosen and one that is rejected.

    Attributes:
        number: int64 [B], +k for the chosen and -k for the rejected one of pair k > 0; 0 for one that is of no pair.
        label: float64 [B], the same for both of a pair: the probability that the chosen one is preferred; 1 where
            that is certain, .5 for a tie.
        step: int64 [B], the step (from 0) at which the two part, with the same states before it; -1 where only whole
            trajectories are compared.
        log_opponent: float64 [B], log P(tau) under the policy that a learner is compared with (self-play); 0 elsewhere.
        dropped: int64 [B], why it is of no pair although it was drawn as one of two (code of ``DROPPED``); 0 elsewhere.
    """

    number: Tensor
    label: Tensor
    step: Tensor
    log_opponent: Tensor
    dropped: Tensor

    def __len__(self) -> int:
        return len(self.number)

    @classmethod
    def of_neighbours(
        cls, n: int, *, label: Tensor | float = 1.0, step: Tensor | None = None, device: torch.device | str = "cpu"
    ) -> Pairs:
        """Trajectories 0 and 1 are a pair, 2 and 3, and so on; the first of the two is the chosen one.

        Args:
            n: trajectories, an even number.
            label: of each pair, [n / 2], or of all.
            step: at which each pair parts, [n / 2]; None: whole trajectories.
            device: of the trajectories.
        """
        each = torch.arange(1, n // 2 + 1, device=device)
        labels = torch.as_tensor(label, dtype=torch.float64, device=device).expand(n // 2)
        steps = torch.full_like(each, -1) if step is None else step.to(device)
        return cls(
            torch.stack([each, -each], 1).flatten(),
            labels.repeat_interleave(2),
            steps.repeat_interleave(2),
            torch.zeros(n, dtype=torch.float64, device=device),
            torch.zeros(n, dtype=torch.int64, device=device),
        )

    @classmethod
    def none(cls, n: int, device: torch.device | str = "cpu") -> Pairs:
        """``n`` trajectories of no pair."""
        number = torch.zeros(n, dtype=torch.int64, device=device)
        half = torch.full((n,), 0.5, dtype=torch.float64, device=device)
        return cls(number, half, number - 1, torch.zeros_like(half), torch.zeros_like(number))

    def but(self, keep: Tensor, why: str) -> Pairs:
        """Without the pairs whose trajectories are not in ``keep`` (bool [B], alike for both of a pair).

        Args:
            keep: which stay.
            why: the others do not, one of ``DROPPED``; what was dropped before keeps its reason.
        """
        dropped = torch.where(~keep & (self.number != 0), code_of(why), self.dropped)
        return replace(self, number=torch.where(keep, self.number, 0), dropped=dropped)

    def select(self, index: Tensor) -> Pairs:
        """Those of the trajectories at ``index``; where one of a pair is left out, or comes twice, there is no pair."""
        return Pairs(*(t[index] for t in self._tensors))

    def to(self, device: torch.device | str) -> Pairs:
        return Pairs(*(t.to(device) for t in self._tensors))

    @property
    def _tensors(self) -> tuple[Tensor, ...]:
        return self.number, self.label, self.step, self.log_opponent, self.dropped

    @classmethod
    def cat(cls, parts: Sequence[Pairs]) -> Pairs:
        """Batches one after the other; the pairs of each stay its own."""
        numbers: list[Tensor] = []
        before = 0
        for part in parts:
            numbers.append(part.number + part.number.sign() * before)
            before += len(part)  # no batch has more pairs than trajectories
        return cls(
            torch.cat(numbers),
            torch.cat([p.label for p in parts]),
            torch.cat([p.step for p in parts]),
            torch.cat([p.log_opponent for p in parts]),
            torch.cat([p.dropped for p in parts]),
        )

    @classmethod
    def joined(cls, parts: Sequence[Any]) -> Pairs | None:
        """Of trajectories one after the other, of which some may have no pairs; None where none has."""
        if all(part.pairs is None for part in parts):
            return None
        return cls.cat([part.pairs or cls.none(len(part), part.lengths.device) for part in parts])
