"""Exact divergences of P_F from what it was at the start of the iteration."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from molgfn.policies.distributions import Capability, HasKL, require
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head


class _FromAnchor(Quantity):
    """[B, T], a divergence between P_F now and the anchor."""

    reads: ClassVar[tuple[Head, ...]] = (Head("forward"),)
    needs: ClassVar[tuple[type[Capability], ...]] = (HasKL,)
    anchored: ClassVar[bool] = True

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        if evaluation.anchor is None:
            return evaluation.shared(_zero)
        now, anchor = evaluation.forward(), evaluation.anchor.forward
        return cls.between(require(now, HasKL, cls.name), require(anchor, HasKL, cls.name))

    @classmethod
    @abstractmethod
    def between(cls, now: HasKL, anchor: HasKL) -> Tensor:
        """[S]"""


class KL(_FromAnchor):
    """[B, T], KL(P_F(.|s_t) || anchor), exact; the anchor is P_F at the start of the iteration."""

    name: ClassVar[str] = "kl"

    @classmethod
    def between(cls, now: HasKL, anchor: HasKL) -> Tensor:
        return now.kl(anchor)


class KLOld(_FromAnchor):
    """[B, T], KL(anchor || P_F(.|s_t)), exact; the anchor is P_F at the start of the iteration."""

    name: ClassVar[str] = "kl_old"

    @classmethod
    def between(cls, now: HasKL, anchor: HasKL) -> Tensor:
        return anchor.kl(now)


def _zero(evaluation: Evaluation) -> Tensor:
    """At the anchor itself both are 0 with zero gradient, so nothing is computed."""
    actions = evaluation.trajectories.actions
    return torch.zeros(len(actions), dtype=evaluation.dtype, device=actions.device)
