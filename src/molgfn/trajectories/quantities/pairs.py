"""What preferences say of the trajectories of a batch (``trajectories.pairs``)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from molgfn.trajectories.pairs import Pairs, code_of
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation


class _OfPairs(Quantity):
    """[B], read from the pairs of the batch."""

    per_step: ClassVar[bool] = False

    @classmethod
    def pairs(cls, evaluation: Evaluation) -> Pairs:
        t = evaluation.trajectories
        return Pairs.none(len(t), t.lengths.device) if t.pairs is None else t.pairs


class PairNumber(_OfPairs):
    """[B], int64, +k for the chosen and -k for the rejected trajectory of pair k; 0 for one that is of no pair."""

    name: ClassVar[str] = "pair_number"

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return cls.pairs(evaluation).number


class PairLabel(_OfPairs):
    """[B], the probability that the chosen one of the pair is preferred; .5 for a tie."""

    name: ClassVar[str] = "pair_label"

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return cls.pairs(evaluation).label.to(evaluation.dtype)


class PairStep(_OfPairs):
    """[B], int64, the step at which the two of a pair part; -1 where whole trajectories are compared."""

    name: ClassVar[str] = "pair_step"

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return cls.pairs(evaluation).step


class PairDropped(_OfPairs):
    """[B], int64, why a trajectory that was drawn as one of two is of no pair (code of ``DROPPED``); 0 elsewhere."""

    name: ClassVar[str] = "pair_dropped"

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return cls.pairs(evaluation).dropped

    @staticmethod
    def code(why: str) -> int:
        """The code of a reason."""
        return code_of(why)


class LogOpponent(_OfPairs):
    """[B], log P(tau) under the opponent of self-play, without gradient."""

    name: ClassVar[str] = "log_opponent"

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return cls.pairs(evaluation).log_opponent.to(evaluation.dtype)


class LogSymmetry(Quantity):
    """[B], log C(x): how many times too much mass the object would get; what turns log R' of flows into log R."""

    name: ClassVar[str] = "log_symmetry"
    per_step: ClassVar[bool] = False

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        t = evaluation.trajectories
        if t.log_symmetry is None:
            return torch.zeros(len(t), dtype=evaluation.dtype, device=t.lengths.device)
        return t.log_symmetry.to(evaluation.dtype)
