"""What policy-gradient objectives share: soft advantages frozen for the iteration, a critic, metrics."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from molgfn.objectives.base import Loss, Objective, ObjectiveOutput, Phase
from molgfn.objectives.policy_gradients import advantages
from molgfn.objectives.policy_gradients.critics import Critic
from molgfn.trajectories.batch import Scored

FORWARD = frozenset({"forward"})
FLOW = frozenset({"flow"})
#: bound on |log (P_F / P_F at the start)|: exp of it is finite in single precision
LOG_RATIO = 20.0


class ActorCritic(Objective):
    """A policy gradient on the soft rewards g, with or without a critic V.

    Everything that a gradient step weighs log P_F with is frozen by ``prepare``: log P_F and log P_B of the batch,
    advantages, and what V is fitted to. P_B is part of the reward and gets no gradient.

    Args:
        critic: None for none.
        lambda_: of the generalised advantages.
        center: take the mean over all steps of the batch off the advantages.
    """

    requires: frozenset[str] = frozenset({"log_pb", "log_flow"})
    on_policy: ClassVar[bool] = True
    trains: frozenset[str] = FORWARD | FLOW
    separate: frozenset[str] = FLOW
    anchors: frozenset[str] = frozenset({"log_pb", "log_flow"})

    def __init__(self, *, critic: Critic | None, lambda_: float, center: bool) -> None:
        self.critic = critic
        self.lambda_ = lambda_
        self.center = center
        if critic is None:
            self.requires = self.requires - {"log_flow"}
            self.anchors = self.anchors - {"log_flow"}
            self.trains = self.trains - FLOW
            self.separate = frozenset()

    @abstractmethod
    def policy(self, scored: Scored) -> ObjectiveOutput:
        """The loss of P_F, from what ``prepare`` froze."""

    def advantage(self, rewards: Tensor, scored: Scored) -> Tensor:
        """[B, T], 0 on pads; ``rewards`` are the soft rewards."""
        return advantages.gae(rewards, scored.need("log_flow"), scored.mask, self.lambda_)

    def prepare(self, scored: Scored) -> dict[str, Tensor]:
        rewards = advantages.soft_rewards(scored)
        advantage = self.advantage(rewards, scored)
        frozen = {
            "log_pf_old": scored.log_pf,
            "log_pb": scored.need("log_pb"),
            "advantage": advantages.centred(advantage, scored.mask) if self.center else advantage,
        }
        if self.critic is not None:
            frozen["value_target"] = self.critic.target(rewards, scored.need("log_flow"), scored.mask)
        return frozen

    def __call__(self, scored: Scored) -> ObjectiveOutput:
        if scored.advantage is None:
            scored = replace(scored, **self.prepare(scored.detach()))
        parts = [self.policy(scored)] + ([self.evaluate(scored)] if self.critic is not None else [])
        return join(parts)

    def phases(self) -> tuple[Phase, ...]:
        """One step on both losses where the critic takes one; otherwise P_F's step and then the critic's."""
        if self.critic is None or self.critic.epochs * self.critic.splits == 1:
            return (Phase("policy", self, self.requires),)
        return (Phase("policy", self.policy, self.requires - self.anchors), self.critic_phase())

    def critic_phase(self) -> Phase:
        """The critic's steps on the frozen targets; P_F is not evaluated."""
        critic = self._critic()
        return Phase("critic", self.evaluate, frozenset({"log_flow"}), critic.epochs, critic.splits, needs_log_pf=False)

    def evaluate(self, scored: Scored) -> ObjectiveOutput:
        """The loss of V."""
        value = scored.need("log_flow")
        loss = self._critic().loss(value, scored.need("value_target"), scored.mask)
        # V(s0) is the ELBO of the present P_F, which tends to log Z as P_F becomes exact
        return ObjectiveOutput({"critic": Loss(loss, FLOW)}, {"log_z": value[:, 0].detach().mean()})

    def _critic(self) -> Critic:
        if self.critic is None:
            raise ValueError(f"{type(self).__name__} was made without a critic")
        return self.critic


def elbo(scored: Scored) -> Tensor:
    """Mean soft return of the batch, scalar: an estimate of log Z - KL(P_F || P_B R / Z)."""
    return advantages.soft_rewards(scored).sum(1).mean()


def log_ratio(scored: Scored) -> Tensor:
    """log (P_F / P_F at the start of the iteration) of the actions taken, [B, T], within +-``LOG_RATIO``; 0 on pads."""
    return (scored.log_pf - scored.need("log_pf_old")).clamp(-LOG_RATIO, LOG_RATIO)


def half_squared_residual(scored: Scored) -> Loss:
    """``1/2 mean_b (log Z - G(tau_b))^2`` with the soft return G frozen: trains log Z alone, towards the ELBO.

    Its gradient is the mean TB residual, that of the term ``(Z / sg Z) E[D]`` of arXiv 2408.05885.
    """
    returns = advantages.soft_rewards(scored).sum(1)
    return Loss(0.5 * (scored.need("log_z") - returns).square().mean(), frozenset({"log_z"}))


def join(outputs: list[ObjectiveOutput]) -> ObjectiveOutput:
    """Losses and metrics of all; the divergence of the first that has one."""
    divergences: list[torch.Tensor] = [o.divergence for o in outputs if o.divergence is not None]
    return ObjectiveOutput(
        losses={name: loss for o in outputs for name, loss in o.losses.items()},
        metrics={name: value for o in outputs for name, value in o.metrics.items()},
        divergence=divergences[0] if divergences else None,
    )
