"""Entropy-regularised proximal policy optimisation."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from molgfn.objectives.base import Loss, ObjectiveOutput, Phase
from molgfn.objectives.policy_gradients.actor_critic import FORWARD, ActorCritic, elbo, log_ratio
from molgfn.objectives.policy_gradients.critics import Critic, CriticKind
from molgfn.objectives.policy_gradients.frozen import Advantage
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.divergences import KL
from molgfn.trajectories.quantities.flows import LogFlow


class EntPPO(ActorCritic):
    """Entropy-regularised PPO (Ent-PPO): several steps on one batch, held near the policy that drew it.

    With rho_t = P_F(a_t|s_t) / P_old(a_t|s_t) and A the generalised advantages of the soft rewards under P_old,

    ``loss = -mean_b sum_t [ min(rho_t A_t, clip(rho_t, 1-eps, 1+eps) A_t) - KL(P_F(.|s_t) || P_old(.|s_t)) ]``,

    from [B, T], the KL exact over all legal actions. A holds -log P_old, so that E_pi[A] - KL(pi || P_old) is the soft
    advantage of pi itself: the coefficient 1 of the KL is exact and nothing to tune, and there is no further entropy
    bonus. Advantages (not normalised), targets of V and P_old stay the same over all epochs. P_B is part of the reward
    and gets no gradient; ``backward=tlm`` learns it in a step of its own, before the advantages are taken.

    Needs trajectories of the present P_F. Metrics, of the last epoch: ``clip_fraction`` (steps with rho outside the
    band), ``kl`` (per trajectory), ``ratio/least``, ``ratio/largest``; and ``elbo``, ``log_z`` = V(s_0).

    Authors' settings (all with lambda .7, clip .2, Adam):

    | task | epochs | critic epochs x splits | lr, lr of V | batch |
    | --- | --- | --- | --- | --- |
    | hypergrid 20^4 | 4 | 4 x 2 | 1e-3, 3e-4 | 16 |
    | strings | 2 | 4 x 2 | 3e-4, 1e-4 | 16 |
    | sEH fragments, QM9 graphs | K in 1, 2, 4, 8 | K x 4 | 1e-4, 3.3e-5 | 256, 128 |

    Args:
        epochs: K, steps of P_F on a batch.
        clip: eps, in (0, 1); null does not clip.
        kl: keep the KL; without it (an ablation) the entropy of P_F collapses over many epochs.
        lambda_: of the generalised advantages, in [0, 1].
        critic: loss of V: td_lambda, or sub_eb (whose minimiser is V^pi only where P_F is exact).
        critic_lambda: lambda of the TD(lambda) target, in [0, 1] (null: ``lambda_``; 1: Monte-Carlo), or weight of a
            sub-trajectory per transition in sub_eb (null: .9).
        critic_epochs: passes of the critic over the batch.
        critic_splits: steps in a pass.

    Reference: arXiv 2606.15793 (Ent-PPO). Pinned by tests/objectives/test_ent_ppo.py.
    """

    quantities: tuple[type[Quantity], ...] = (LogPB, LogFlow, KL)
    reference: ClassVar[str] = "arXiv 2606.15793 (Ent-PPO)"

    def __init__(
        self,
        *,
        epochs: Annotated[int, Field(ge=1)] = 4,
        clip: Annotated[float, Field(gt=0, lt=1)] | None = 0.2,
        kl: bool = True,
        lambda_: Annotated[float, Field(ge=0, le=1)] = 0.7,
        critic: CriticKind = "td_lambda",
        critic_lambda: Annotated[float, Field(ge=0)] | None = None,
        critic_epochs: Annotated[int, Field(ge=1)] = 4,
        critic_splits: Annotated[int, Field(ge=1)] = 2,
    ) -> None:
        super().__init__(
            critic=Critic.of(critic, critic_lambda, lambda_, critic_epochs, critic_splits),
            lambda_=lambda_,
            center=False,
        )
        self.epochs = epochs
        self.clip = clip
        self.kl = kl

    def phases(self) -> tuple[Phase, ...]:
        return Phase("policy", self.policy, self.of_policy, self.epochs), self.critic_phase()

    def policy(self, evaluated: Evaluated) -> ObjectiveOutput:
        advantage, kl = evaluated[Advantage], evaluated[KL]
        ratio = log_ratio(evaluated).exp()
        gain = ratio * advantage
        if self.clip is not None:
            gain = torch.minimum(gain, ratio.clamp(1 - self.clip, 1 + self.clip) * advantage)
        if self.kl:
            gain = gain - kl
        loss = -gain.sum() / len(evaluated)
        return ObjectiveOutput({"policy": Loss(loss, FORWARD)}, self._metrics(evaluated, ratio.detach(), kl.detach()))

    def _metrics(self, evaluated: Evaluated, ratio: Tensor, kl: Tensor) -> dict[str, Tensor]:
        metrics = {
            "elbo": elbo(evaluated),
            "kl": kl.sum() / len(evaluated),
            "ratio/least": evaluated.union.least(ratio),  # pads hold 1
            "ratio/largest": evaluated.union.largest(ratio),
        }
        if self.clip is not None:
            outside = ((ratio - 1).abs() > self.clip) & evaluated.mask
            metrics["clip_fraction"] = outside.sum() / evaluated.mask.sum()
        return metrics
