"""Policy-dependent rewards with a learned normaliser (RL-U)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.objectives.base import Loss, ObjectiveOutput
from molgfn.objectives.policy_gradients.actor_critic import FORWARD, ActorCritic, elbo, half_squared_residual
from molgfn.objectives.policy_gradients.critics import Critic, CriticKind
from molgfn.objectives.policy_gradients.frozen import Advantage
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogFlow, LogZ


class RLUniform(ActorCritic):
    """RL-U: a policy gradient with a learned log Z, the policy-based counterpart of on-policy trajectory balance.

    The paper minimises costs c_t = log P_F - log P_B, at the exit log P_F - log R'(x) + log Z, with V_F(s) their
    expected sum. Here the same is written in soft rewards: V = log Z - V_F, and the paper's advantages are minus the
    generalised advantages A of this V, so that the loss is ``-mean_b sum_t log P_F(a_t|s_t) (A_t - mean A)``, from
    [B, T]. V does not see log Z: a critic that learns log Z - V lags behind whenever log Z takes a large step.

    log Z has a loss of its own, ``1/2 mean_b D(tau_b)^2`` with the TB residual D, whose gradient is the paper's E[D]
    (half of TB's); its fixed point is the ELBO, and log Z once P_F is exact. Nothing else reads log Z. P_B (uniform in
    the paper) gets no gradient. Needs trajectories of the present P_F. Metric: ``elbo``, the mean soft return.

    Authors' settings: batch 128, Adam, lr 1e-3, lr of V 5e-3, lr of log Z .1 (1 for Bayesian networks).

    Args:
        lambda_: of the generalised advantages, in [0, 1].
        center: take the mean over all steps of the batch (under each condition) off the advantages.
        critic: loss of V: td_lambda, or sub_eb (whose minimiser is V^pi only where P_F is exact).
        critic_lambda: lambda of the TD(lambda) target, in [0, 1] (1: Monte-Carlo), or weight of a sub-trajectory per
            transition in sub_eb.
        critic_epochs: passes of the critic over the batch.
        critic_splits: steps in a pass.

    Reference: Niu et al. 2024, arXiv 2408.05885 (RL-U). Pinned by tests/objectives/test_policy_gradient_rl.py.
    """

    quantities: tuple[type[Quantity], ...] = (LogPB, LogFlow, LogZ)
    trains: frozenset[str] = frozenset({"forward", "flow", "log_z"})
    reference: ClassVar[str] = "Niu et al. 2024, arXiv 2408.05885 (RL-U)"

    def __init__(
        self,
        *,
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

    def policy(self, evaluated: Evaluated) -> ObjectiveOutput:
        loss = -(evaluated.log_pf * evaluated[Advantage]).sum() / len(evaluated)
        return ObjectiveOutput(
            {"policy": Loss(loss, FORWARD), "log_z": half_squared_residual(evaluated)}, {"elbo": elbo(evaluated)}
        )

    def evaluate(self, evaluated: Evaluated) -> ObjectiveOutput:
        output = super().evaluate(evaluated)
        return ObjectiveOutput(output.losses, {"value": output.metrics["log_z"]})
