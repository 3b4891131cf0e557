"""The forward policy at the states of the trajectories."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from molgfn.policies.distributions import Capability, HasEntropy, require
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head


class Entropy(Quantity):
    """[B, T], entropy of P_F(. | s_t), exact."""

    name: ClassVar[str] = "entropy"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward"),)
    needs: ClassVar[tuple[type[Capability], ...]] = (HasEntropy,)

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return require(evaluation.forward(), HasEntropy, cls.name).entropy()


class ConstantLogPF(Quantity):
    """[B, T], log P_F(s_{t+1} | s_t) of the action taken, without gradient: what trainings of P_B read of P_F."""

    name: ClassVar[str] = "constant_log_pf"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward", of="constant"),)

    @classmethod
    @torch.no_grad()
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.forward(of="constant").log_prob(evaluation.trajectories.actions)


class LogPFExit(Quantity):
    """[B, T], log P_F(stop | s_t); about -1e9 where stop is illegal."""

    name: ClassVar[str] = "log_pf_exit"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward"),)

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        leave = evaluation.policy.environment.exit_action(evaluation.trajectories.states)
        return evaluation.forward().log_prob(leave)


class CanStop(Quantity):
    """bool [B, T], stop is legal at s_t."""

    name: ClassVar[str] = "can_stop"

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.policy.environment.stop_mask(evaluation.trajectories.states)
