"""Action values Q(s, a) of one or two critics, networks of their own called ``q1`` and ``q2``.

A critic is a network of the policy's kind, read as Q(s, a) = log_flow(s) + log P(a|s): any table of legal actions can
be written so, with log_flow its soft maximum.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from molgfn.policies.distributions import ActionDistribution, Capability, HasKL, HasMeanGap, require
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head

#: who asks for what a distribution may lack
READER = "action values"


def _heads(of: Literal["present", "target"]) -> tuple[Head, ...]:
    """What is read of both critics, of the second only where there is one."""
    return tuple(Head(head, name, of, name == "q2") for name in ("q1", "q2") for head in ("forward", "flow"))


class QTaken(Quantity):
    """[B, T, C], Q_c(s_t, a_t) of C critics, with their gradient."""

    name: ClassVar[str] = "q_taken"
    reads: ClassVar[tuple[Head, ...]] = _heads("present")

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        actions = evaluation.trajectories.actions
        return torch.stack([flow + p.log_prob(actions) for flow, p in _critics(evaluation, "present")], -1)


class QGap(Quantity):
    """[B, T], sum_a P_F(a|s_t) (log P_F(a|s_t) - min_c Q_c(s_t, a)), with the gradient of P_F only."""

    name: ClassVar[str] = "q_gap"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward"), *_heads("present"))
    needs: ClassVar[tuple[type[Capability], ...]] = (HasKL, HasMeanGap)

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        still = [(flow.detach(), p.frozen()) for flow, p in _critics(evaluation, "present")]
        return _gap(evaluation.forward(), still)


class QValue(Quantity):
    """[B, T], sum_a P_F(a|s_t) (min_c Qbar_c(s_t, a) - log P_F(a|s_t)) of the critics' targets, no gradient."""

    name: ClassVar[str] = "q_value"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward"), *_heads("target"))
    needs: ClassVar[tuple[type[Capability], ...]] = (HasKL, HasMeanGap)

    @classmethod
    @torch.no_grad()
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return -_gap(evaluation.forward(), _critics(evaluation, "target"))


def _critics(evaluation: Evaluation, of: Literal["present", "target"]) -> list[tuple[Tensor, ActionDistribution]]:
    """log_flow [S] and P of each critic."""
    names = [name for name in ("q1", "q2") if evaluation.has(name)]
    return [(evaluation.log_flow(name, of), evaluation.forward(name, of)) for name in names]


def _gap(forward: ActionDistribution, critics: list[tuple[Tensor, ActionDistribution]]) -> Tensor:
    """sum_a P_F(a) (log P_F(a) - min_c Q_c(a)), [S]; with one critic it is a KL divergence."""
    if len(critics) == 1:
        ((flow, distribution),) = critics
        return require(forward, HasKL, READER).kl(require(distribution, HasKL, READER)) - flow
    return require(forward, HasMeanGap, READER).mean_gap([(v, require(q, HasMeanGap, READER)) for v, q in critics])
