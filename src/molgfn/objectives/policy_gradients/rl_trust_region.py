"""Policy-dependent rewards with trust-region steps (RL-T)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.objectives.base import Loss, ObjectiveOutput, Phase, TrustRegion
from molgfn.objectives.policy_gradients.actor_critic import FORWARD, ActorCritic, elbo, half_squared_residual, log_ratio
from molgfn.objectives.policy_gradients.critics import Critic, CriticKind
from molgfn.objectives.policy_gradients.frozen import Advantage
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.divergences import KLOld
from molgfn.trajectories.quantities.flows import LogFlow, LogZ


class RLTrustRegion(ActorCritic):
    """RL-T: one natural-gradient step of P_F per batch, within a trust region (TRPO).

    With rho_t = P_F(a_t|s_t) / P_old(a_t|s_t) and A the generalised advantages of the soft rewards under P_old, the
    step minimises ``-mean_b sum_t rho_t A_t`` while ``mean_b sum_t KL(P_old(.|s_t) || P_F(.|s_t)) <= max_kl``, from
    [B, T]; the KL is exact over all legal actions, and the line search bounds the very functional that the curvature is
    taken of. Conjugate gradients solve for the direction; a step that does not lower the loss within the bound is
    halved up to ``backtracks`` times, and then given up, which leaves P_F as it was.

    V (which does not see log Z) and log Z take ordinary steps, log Z on ``1/2 mean_b D(tau_b)^2`` as in RL-U; the
    learning rate of P_F is not used. P_B (uniform in the paper) gets no gradient. Needs trajectories of the present
    P_F. Metrics: ``elbo``, ``trust_region/accepted``, ``/divergence``, ``/improvement``, ``/backtracks``.

    Authors' settings: arXiv 2408.05885: the defaults, batch 128, lr of V 5e-3, of log Z .1. Ent-PPO's baseline:
    lambda .7, critic 4 x 2 on TD(.7) targets, 10 backtracks.

    Args:
        max_kl: bound on the KL per trajectory, > 0.
        cg_iterations: of the conjugate gradients.
        damping: added to the diagonal of the curvature, >= 0.
        backtracks: halvings tried before the step is given up.
        lambda_: of the generalised advantages, in [0, 1].
        center: take the mean over all steps of the batch (under each condition) off the advantages.
        critic: loss of V: td_lambda, or sub_eb (whose minimiser is V^pi only where P_F is exact).
        critic_lambda: lambda of the TD(lambda) target, in [0, 1] (1: Monte-Carlo), or weight of a sub-trajectory per
            transition in sub_eb.
        critic_epochs: passes of the critic over the batch.
        critic_splits: steps in a pass.

    Reference: Niu et al. 2024, arXiv 2408.05885 (RL-T); TRPO: arXiv 1502.05477. Pinned by
    tests/objectives/test_policy_gradient_rl.py and tests/training/test_trust_region.py.
    """

    quantities: tuple[type[Quantity], ...] = (LogPB, LogFlow, KLOld, LogZ)
    trains: frozenset[str] = frozenset({"forward", "flow", "log_z"})
    reference: ClassVar[str] = "Niu et al. 2024, arXiv 2408.05885 (RL-T); TRPO: arXiv 1502.05477"

    def __init__(
        self,
        *,
        max_kl: Annotated[float, Field(gt=0)] = 0.01,
        cg_iterations: Annotated[int, Field(ge=1)] = 10,
        damping: Annotated[float, Field(ge=0)] = 0.0,
        backtracks: Annotated[int, Field(ge=0)] = 20,
        lambda_: Annotated[float, Field(ge=0, le=1)] = 0.99,
        center: bool = True,
        critic: CriticKind = "td_lambda",
        critic_lambda: Annotated[float, Field(ge=0)] = 1.0,
        critic_epochs: Annotated[int, Field(ge=1)] = 1,
        critic_splits: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        super().__init__(
            critic=Critic(critic, critic_lambda, critic_epochs, critic_splits, "trajectory"),
            lambda_=lambda_,
            center=center,
        )
        self.region = TrustRegion(
            max_divergence=max_kl, cg_iterations=cg_iterations, damping=damping, backtracks=backtracks
        )

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        output = super().__call__(evaluated)
        return ObjectiveOutput(
            {**output.losses, "log_z": half_squared_residual(evaluated)}, output.metrics, output.divergence
        )

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("policy", self.policy, (KLOld,), trust_region=self.region),
            Phase("log_z", self.normalise, (LogZ,), needs_log_pf=False),
            self.critic_phase(),
        )

    def policy(self, evaluated: Evaluated) -> ObjectiveOutput:
        """The surrogate and, as ``divergence``, the KL per trajectory."""
        loss = -(log_ratio(evaluated).exp() * evaluated[Advantage]).sum() / len(evaluated)
        divergence = evaluated[KLOld].sum() / len(evaluated)
        return ObjectiveOutput({"policy": Loss(loss, FORWARD)}, {"elbo": elbo(evaluated)}, divergence)

    def normalise(self, evaluated: Evaluated) -> ObjectiveOutput:
        """The loss of log Z."""
        return ObjectiveOutput({"log_z": half_squared_residual(evaluated)})

    def evaluate(self, evaluated: Evaluated) -> ObjectiveOutput:
        output = super().evaluate(evaluated)
        return ObjectiveOutput(output.losses, {"value": output.metrics["log_z"]})
