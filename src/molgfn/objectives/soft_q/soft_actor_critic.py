"""Soft actor-critic on discrete actions."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field

from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, Network, Objective, ObjectiveOutput, TargetNetwork
from molgfn.objectives.regression import Reduction, Regression, mean
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.action_values import QGap, QTaken, QValue
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity

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

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB, QTaken, QGap, QValue)
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
        self.networks = tuple(Network(name, start="returns", copied=True) for name in ("q1", "q2")[:critics])
        self.critics = frozenset(network.name for network in self.networks)
        self.trains = ACTOR | self.critics
        self.regression = Regression(regression, huber_delta)
        self.reduction: Reduction = reduction

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        following = torch.nn.functional.pad(evaluated[QValue][:, 1:], (0, 1))
        reward = evaluated.log_pf.detach() - residuals.steps(evaluated).detach()  # log P_B, at the exit log R'
        y = reward + torch.where(evaluated.is_exit, 0.0, following)
        error = (evaluated[QTaken] - y[..., None]) * evaluated.mask[..., None]
        gap = evaluated[QGap] * evaluated.mask
        over = evaluated.mask, self.reduction, evaluated.union
        return ObjectiveOutput(
            losses={
                "critic": Loss(mean(self.regression(error).sum(-1), *over), self.critics),
                "actor": Loss(mean(gap, *over), ACTOR),
            },
            metrics={
                "log_z": -gap[:, 0].detach().mean(),
                "error/abs": mean(error.detach().abs().mean(-1), evaluated.mask, "transition"),
            },
        )
