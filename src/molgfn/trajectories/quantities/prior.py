"""A prior: the forward policy of a checkpoint, called ``prior`` in ``Objective.frozen``."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from molgfn.policies.distributions import Capability, HasKL, require
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head


class LogPrior(Quantity):
    """[B, T], log P_prior(s_{t+1} | s_t) of the action taken, no gradient."""

    name: ClassVar[str] = "log_prior"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward", "prior"),)

    @classmethod
    @torch.no_grad()
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.forward("prior").log_prob(evaluation.trajectories.actions).to(evaluation.dtype)


class KLToPrior(Quantity):
    """[B, T], KL(P_F(.|s_t) || P_prior(.|s_t)), exact, with the gradient of P_F."""

    name: ClassVar[str] = "kl_to_prior"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward"), Head("forward", "prior"))
    needs: ClassVar[tuple[type[Capability], ...]] = (HasKL,)

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return require(evaluation.forward(), HasKL, cls.name).kl(require(evaluation.forward("prior"), HasKL, cls.name))
