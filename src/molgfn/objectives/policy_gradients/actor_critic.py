"""What policy-gradient objectives share: soft advantages frozen for the iteration, a critic, metrics."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from molgfn.objectives.base import Loss, Objective, ObjectiveOutput, Phase
from molgfn.objectives.policy_gradients import advantages
from molgfn.objectives.policy_gradients.critics import Critic
from molgfn.objectives.policy_gradients.frozen import Advantage, LogPFOld, ValueTarget
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogFlow, LogZ

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
        center: take the mean over all steps of the batch (under each condition) off the advantages.
    """

    quantities: tuple[type[Quantity], ...] = (LogPB, LogFlow)
    on_policy: ClassVar[bool] = True
    trains: frozenset[str] = FORWARD | FLOW
    separate: frozenset[str] = FLOW
    prepares_from: tuple[type[Quantity], ...] = (LogPB, LogFlow)

    def __init__(self, *, critic: Critic | None, lambda_: float, center: bool) -> None:
        self.critic = critic
        self.lambda_ = lambda_
        self.center = self.compares = center
        if critic is None:
            self.quantities = without(self.quantities, LogFlow)
            self.prepares_from = without(self.prepares_from, LogFlow)
            self.trains = self.trains - FLOW
            self.separate = frozenset()

    @abstractmethod
    def policy(self, evaluated: Evaluated) -> ObjectiveOutput:
        """The loss of P_F, from what ``prepare`` froze."""

    def advantage(self, rewards: Tensor, evaluated: Evaluated) -> Tensor:
        """[B, T], 0 on pads; ``rewards`` are the soft rewards."""
        return advantages.gae(rewards, evaluated[LogFlow], evaluated.mask, self.lambda_)

    def prepare(self, evaluated: Evaluated) -> dict[type[Quantity], Tensor]:
        rewards = advantages.soft_rewards(evaluated)
        advantage, mask = self.advantage(rewards, evaluated), evaluated.mask
        frozen: dict[type[Quantity], Tensor] = {
            LogPFOld: evaluated.log_pf,
            LogPB: evaluated[LogPB],
            Advantage: advantages.centred(advantage, evaluated) if self.center else advantage,
        }
        if self.critic is not None:
            frozen[ValueTarget] = self.critic.target(rewards, evaluated[LogFlow], mask)
        return frozen

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        if Advantage not in evaluated:
            evaluated = evaluated.having(self.prepare(evaluated.detach()))
        parts = [self.policy(evaluated)] + ([self.evaluate(evaluated)] if self.critic is not None else [])
        return join(parts)

    def phases(self) -> tuple[Phase, ...]:
        """One step on both losses where the critic takes one; otherwise P_F's step and then the critic's."""
        if self.critic is None or self.critic.epochs * self.critic.splits == 1:
            return (Phase("policy", self, self.quantities),)
        return (Phase("policy", self.policy, self.of_policy), self.critic_phase())

    @property
    def of_policy(self) -> tuple[type[Quantity], ...]:
        """What the steps of P_F read anew: all but what is frozen."""
        return without(self.quantities, *self.prepares_from)

    def critic_phase(self) -> Phase:
        """The critic's steps on the frozen targets; P_F is not evaluated."""
        critic = self._critic()
        return Phase("critic", self.evaluate, (LogFlow,), critic.epochs, critic.splits, needs_log_pf=False)

    def evaluate(self, evaluated: Evaluated) -> ObjectiveOutput:
        """The loss of V."""
        value = evaluated[LogFlow]
        loss = self._critic().loss(value, evaluated[ValueTarget], evaluated.mask, evaluated.union)
        # V(s0) is the ELBO of the present P_F, which tends to log Z as P_F becomes exact
        return ObjectiveOutput({"critic": Loss(loss, FLOW)}, {"log_z": value[:, 0].detach().mean()})

    def _critic(self) -> Critic:
        if self.critic is None:
            raise ValueError(f"{type(self).__name__} was made without a critic")
        return self.critic


def without(listed: tuple[type[Quantity], ...], *left_out: type[Quantity]) -> tuple[type[Quantity], ...]:
    """``listed``, less what is ``left_out``."""
    return tuple(quantity for quantity in listed if quantity not in left_out)


def elbo(evaluated: Evaluated) -> Tensor:
    """Mean soft return of the batch, scalar: an estimate of log Z - KL(P_F || P_B R / Z)."""
    return advantages.soft_rewards(evaluated).sum(1).mean()


def log_ratio(evaluated: Evaluated) -> Tensor:
    """log (P_F / P_F at the start of the iteration) of the actions taken, [B, T], within +-``LOG_RATIO``; 0 on pads."""
    return (evaluated.log_pf - evaluated[LogPFOld]).clamp(-LOG_RATIO, LOG_RATIO)


def half_squared_residual(evaluated: Evaluated) -> Loss:
    """``1/2 mean_b (log Z - G(tau_b))^2`` with the soft return G frozen: trains log Z alone, towards the ELBO.

    Its gradient is the mean TB residual, that of the term ``(Z / sg Z) E[D]`` of arXiv 2408.05885.
    """
    returns = advantages.soft_rewards(evaluated).sum(1)
    return Loss(0.5 * (evaluated[LogZ] - returns).square().mean(), frozenset({"log_z"}))


def join(outputs: list[ObjectiveOutput]) -> ObjectiveOutput:
    """Losses and metrics of all; the divergence of the first that has one."""
    divergences: list[torch.Tensor] = [o.divergence for o in outputs if o.divergence is not None]
    return ObjectiveOutput(
        losses={name: loss for o in outputs for name, loss in o.losses.items()},
        metrics={name: value for o in outputs for name, value in o.metrics.items()},
        divergence=divergences[0] if divergences else None,
    )
