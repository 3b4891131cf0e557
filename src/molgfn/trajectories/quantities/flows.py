"""Flows (or values) of states, by the policy and by its target network."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head


class LogFlow(Quantity):
    """[B, T], log F(s_t), or V(s_t)."""

    name: ClassVar[str] = "log_flow"
    reads: ClassVar[tuple[Head, ...]] = (Head("flow"),)

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.log_flow()


class NextLogFlow(Quantity):
    """[B, T], ``log_flow`` as it is read at the next state, in the column of its state: ``target_log_flow`` where there
    is a target network, otherwise ``log_flow`` itself, with its gradient.
    """

    name: ClassVar[str] = "next_log_flow"
    reads: ClassVar[tuple[Head, ...]] = (Head("flow"), Head("flow", of="copy"))

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.log_flow(of="copy") if evaluation.has(of="copy") else evaluation.log_flow()


class TargetLogFlow(Quantity):
    """[B, T], ``log_flow`` of the target network, no gradient."""

    name: ClassVar[str] = "target_log_flow"
    reads: ClassVar[tuple[Head, ...]] = (Head("flow", of="target"),)

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.log_flow(of="target")


class TargetLogPF(Quantity):
    """[B, T], ``log_pf`` of the target network, no gradient."""

    name: ClassVar[str] = "target_log_pf"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward", of="target"),)

    @classmethod
    @torch.no_grad()
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.forward(of="target").log_prob(evaluation.trajectories.actions)


class LogZ(Quantity):
    """Scalar, log Z; [B] for a conditional policy."""

    name: ClassVar[str] = "log_z"
    reads: ClassVar[tuple[Head, ...]] = (Head("log_z"),)
    per_step: ClassVar[bool] = False

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.policy.log_z_of(evaluation.trajectories.terminal).to(evaluation.dtype)
