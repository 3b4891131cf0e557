"""Vanilla policy gradients on soft rewards."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from molgfn.errors import ConfigError, ContractError
from molgfn.objectives import comparison
from molgfn.objectives.base import Loss, ObjectiveOutput
from molgfn.objectives.policy_gradients import advantages
from molgfn.objectives.policy_gradients.actor_critic import FORWARD, ActorCritic, elbo
from molgfn.objectives.policy_gradients.critics import Critic, CriticKind
from molgfn.objectives.policy_gradients.frozen import Advantage
from molgfn.trajectories.evaluated import Evaluated

_CRITIC = {"lambda_": 0.9, "critic": "td_lambda", "critic_lambda": None, "critic_epochs": 1, "critic_splits": 1}


class PolicyGradient(ActorCritic):
    """Policy gradients (VPG): ascend E[G(tau)], the expected soft return, whose optimum is P_F of the exact flows.

    With g_t = log P_B(s_t|s_{t+1}) - log P_F(s_{t+1}|s_t), at the exit log R'(x) - log P_F(stop|x), and G_t =
    sum_{k >= t} g_k, the loss is ``-mean_b sum_t log P_F(a_t|s_t) W_t``, from [B, T]. No gradient goes through W. The
    expected gradient is that of KL(P_F || P_B R / Z) for every W below but "gae", for which V must be V^pi.

    | advantage | W_t |
    | --- | --- |
    | total | G_0 |
    | leave_one_out | G_0 less the mean G_0 of the other trajectories (under its condition) |
    | reward_to_go | G_t |
    | baseline | G_t - V(s_t) |
    | gae | sum_{k >= t} lambda^(k-t) (g_k + V(s_{k+1}) - V(s_k)) |

    The variance falls down the table. Needs trajectories of the present P_F. Metrics: ``elbo``, the mean soft return;
    ``log_z``, V(s_0), or the ELBO where there is no critic.

    Ent-PPO's authors compare with GAE: hypergrid: lambda .9, critic 1 x 1, both learning rates 1e-3 (the defaults
    here); strings: lambda .7, critic 4 x 2 at 1e-4 beside 3e-4; with baseline: critic 2 x 1 (epochs x splits).

    Args:
        advantage: W.
        lambda_: of gae, and of its td_lambda where ``critic_lambda`` is null; in [0, 1].
        critic: loss of V, for baseline and gae: td_lambda, or sub_eb (whose minimiser is V^pi only where P_F is exact).
        critic_lambda: lambda of the TD(lambda) target, in [0, 1] (null: ``lambda_``, with baseline 1; 1: Monte-Carlo),
            or weight of a sub-trajectory per transition in sub_eb (null: .9).
        critic_epochs: passes of the critic over the batch.
        critic_splits: steps in a pass.
        center: take the mean over all steps of the batch (under each condition) off W; a bias of order 1 / (batch
            size), which is 0 at the optimum for all W but reward_to_go.

    Raises:
        ConfigError: settings of a critic beside an advantage without one.

    Reference: arXiv 2606.15793 (Ent-PPO, its policy-gradient estimators); GAE: arXiv 1506.02438. Pinned by
    tests/objectives/test_policy_gradient.py.
    """

    reference: ClassVar[str] = "arXiv 2606.15793 (Ent-PPO, its policy-gradient estimators); GAE: arXiv 1506.02438"

    def __init__(
        self,
        *,
        advantage: Literal["total", "leave_one_out", "reward_to_go", "baseline", "gae"] = "gae",
        lambda_: Annotated[float, Field(ge=0, le=1)] = 0.9,
        critic: CriticKind = "td_lambda",
        critic_lambda: Annotated[float, Field(ge=0)] | None = None,
        critic_epochs: Annotated[int, Field(ge=1)] = 1,
        critic_splits: Annotated[int, Field(ge=1)] = 1,
        center: bool = False,
    ) -> None:
        valued = advantage in {"baseline", "gae"}
        given = dict(zip(_CRITIC, (lambda_, critic, critic_lambda, critic_epochs, critic_splits), strict=True))
        if not valued and given != _CRITIC:
            changed = ", ".join(k for k in given if given[k] != _CRITIC[k])
            raise ConfigError(f"objective: advantage={advantage} has no critic, so {changed} would be ignored")
        if advantage == "baseline" and lambda_ != _CRITIC["lambda_"]:
            raise ConfigError(
                "objective: lambda_ is of advantage=gae and would be ignored; critic_lambda is the critic's"
            )
        own = 1.0 if advantage == "baseline" else lambda_  # V is fitted to advantage + V
        super().__init__(
            critic=Critic.of(critic, critic_lambda, own, critic_epochs, critic_splits) if valued else None,
            lambda_=lambda_ if advantage == "gae" else 1.0,
            center=center,
        )
        self.kind = advantage
        self.compares = center or advantage == "leave_one_out"
        self.least_batch = 2 if advantage == "leave_one_out" else 1

    def advantage(self, rewards: Tensor, evaluated: Evaluated) -> Tensor:
        if self.critic is not None:
            return super().advantage(rewards, evaluated)
        to_go = advantages.rewards_to_go(rewards)
        if self.kind == "reward_to_go":
            return to_go
        total = to_go[:, :1]
        if self.kind == "leave_one_out":
            if evaluated.union.count(len(total)) < 2:
                raise ContractError("advantage=leave_one_out needs at least two trajectories in a batch")
            total = comparison.leave_one_out(total, evaluated)
        return total * evaluated.mask

    def policy(self, evaluated: Evaluated) -> ObjectiveOutput:
        loss = -(evaluated.log_pf * evaluated[Advantage]).sum() / len(evaluated)
        bound = elbo(evaluated)
        return ObjectiveOutput({"policy": Loss(loss, FORWARD)}, {"elbo": bound, "log_z": bound})
