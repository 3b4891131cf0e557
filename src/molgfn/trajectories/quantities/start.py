"""P_F as it was when training began: the copy of the policy that stands still (``TargetNetwork(every=None)``)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from molgfn.policies.distributions import Capability, HasKL, require
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import POLICY, Head


class LogStart(Quantity):
    """[B, T], log P_start(s_{t+1} | s_t) of the action taken, no gradient."""

    name: ClassVar[str] = "log_start"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward", of="copy"),)

    @classmethod
    @torch.no_grad()
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.forward(POLICY, "copy").log_prob(evaluation.trajectories.actions).to(evaluation.dtype)


class KLToStart(Quantity):
    """[B, T], KL(P_F(.|s_t) || P_start(.|s_t)), exact, with the gradient of P_F."""

    name: ClassVar[str] = "kl_to_start"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward"), Head("forward", of="copy"))
    needs: ClassVar[tuple[type[Capability], ...]] = (HasKL,)

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        start = require(evaluation.forward(POLICY, "copy"), HasKL, cls.name)
        return require(evaluation.forward(), HasKL, cls.name).kl(start)
