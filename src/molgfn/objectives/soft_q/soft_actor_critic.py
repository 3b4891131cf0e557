"""Soft actor-critic on discrete actions."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field

from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput, TargetNetwork
from molgfn.objectives.regression import Reduction, Regression, mean
from molgfn.trajectories.batch import Scored

ACTOR = frozenset({"forward"})


class SoftActorCritic(Objective):
    """Soft actor-critic (SAC) for discrete actions: critics of the soft Q of P_F, and P_F improved against them.

    Critics: ``Q_c(s_t, a_t) -> y_t = log P_B(s_t|s_{t+1}) + sum_a P_F(a|s_{t+1}) (min_c Qbar_c(s_{t+1}, a) - log
    P_F(a|s_{t+1}))``, at the exit ``y = log R'(x)``; Qbar are the critics' target networks and y carries no gradient.
    Actor: ``sum_a P_F(a|s_t) (log P_F(a|s_t) - min_c Q_c(s_t, a))`` with Q held still. Both sums are exact, from [B, T,
    C] and [B, T]. At the fixed point Q(s,a) = log F(s -> s') and P_F = softmax(Q). The weight of the entropy is 1 and
    is never tuned: it says what is sampled.

    Each critic is a network of its own, of the policy's kind and with the learning rate of log F, read as ``Q(s,a) =
    log_flow(s) + log P(a|s)``, which any Q over the legal actions can be written as. The policy's own log_flow and log
    Z are not used. Valid for trajectories from any policy with full support. P_B gets no gradient. Metric: ``log_z``,
    the critics' soft value of s_0.

    Authors' settings: Tiapkin et al.: lr of Q 1e-2, of P_F 1e-3; Deleu et al. (arXiv 2402.10309): 1e-4 and 5e-6.

    Args:
        critics: 1, or 2 whose smaller value is taken for each action against overestimation.
        regression: of the critics; "huber": parabola up to ``huber_delta``, then a line; "squared": (Q - y)^2.
        huber_delta: where huber turns linear; read with regression=huber only.
        reduction: "transition": the mean over all transitions; "trajectory": the mean over trajectories of sums.

    Reference: Christodoulou 2019, arXiv 1910.07207 (discrete SAC), as a baseline in Tiapkin et al. 2023, arXiv
    2310.12934. Pinned by tests/objectives/test_soft_q.py.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"log_pb", "q"})
    on_policy: ClassVar[bool] = False
    reference: ClassVar[str] = "Christodoulou 2019, arXiv 1910.07207; Tiapkin et al. 2023, arXiv 2310.12934"
    bootstraps: ClassVar[bool] = True
    target = TargetNetwork(rate=0.25, every=1)

    def __init__(
        self,
        *,
        critics: Literal[1, 2] = 2,
        regression: Literal["huber", "squared"] = "huber",
        huber_delta: Annotated[float, Field(gt=0)] = 1.0,
        reduction: Reduction = "transition",
    ) -> None:
        self.auxiliaries = ("q1", "q2")[:critics]
        self.trains = ACTOR | set(self.auxiliaries)
        self.regression = Regression(regression, huber_delta)
        self.reduction: Reduction = reduction

    def __call__(self, scored: Scored) -> ObjectiveOutput:
        following = torch.nn.functional.pad(scored.need("q_value")[:, 1:], (0, 1))
        reward = scored.log_pf.detach() - residuals.steps(scored).detach()  # log P_B, at the exit log R'
        y = reward + torch.where(scored.is_exit, 0.0, following)
        error = (scored.need("q_taken") - y[..., None]) * scored.mask[..., None]
        gap = scored.need("q_gap") * scored.mask
        return ObjectiveOutput(
            losses={
                "critic": Loss(
                    mean(self.regression(error).sum(-1), scored.mask, self.reduction), frozenset(self.auxiliaries)
                ),
                "actor": Loss(mean(gap, scored.mask, self.reduction), ACTOR),
            },
            metrics={
                "log_z": -gap[:, 0].detach().mean(),
                "error/abs": mean(error.detach().abs().mean(-1), scored.mask, "transition"),
            },
        )
