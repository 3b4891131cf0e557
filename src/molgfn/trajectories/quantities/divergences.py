"""Exact divergences of P_F from what it was at the start of the iteration."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from molgfn.policies.distributions import Capability, HasKL, require
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head


class KL(Quantity):
    """[B, T], KL(P_F(.|s_t) || anchor), exact; the anchor is P_F at the start of the iteration."""

    name: ClassVar[str] = "kl"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward"),)
    needs: ClassVar[tuple[type[Capability], ...]] = (HasKL,)
    anchored: ClassVar[bool] = True

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        if evaluation.anchor is None:
            return evaluation.shared(_zero)
        return require(evaluation.forward(), HasKL, cls.name).kl(require(evaluation.anchor.forward, HasKL, cls.name))


class KLOld(Quantity):
    """[B, T], KL(anchor || P_F(.|s_t)), exact; the anchor is P_F at the start of the iteration."""

    name: ClassVar[str] = "kl_old"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward"),)
    needs: ClassVar[tuple[type[Capability], ...]] = (HasKL,)
    anchored: ClassVar[bool] = True

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        if evaluation.anchor is None:
            return evaluation.shared(_zero)
        return require(evaluation.anchor.forward, HasKL, cls.name).kl(require(evaluation.forward(), HasKL, cls.name))


def _zero(evaluation: Evaluation) -> Tensor:
    """At the anchor itself both are 0 with zero gradient, so nothing is computed."""
    actions = evaluation.trajectories.actions
    return torch.zeros(len(actions), dtype=evaluation.dtype, device=actions.device)
