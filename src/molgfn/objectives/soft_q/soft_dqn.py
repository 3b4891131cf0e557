"""Soft deep Q-learning."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput, TargetNetwork
from molgfn.objectives.regression import Reduction, Regression, mean
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogFlow, TargetLogFlow


class SoftDQN(Objective):
    """Soft DQN: entropy-regularised Q-learning with the rewards log P_B on the way and log R'(x) at the exit.

    ``Q(s_t, a_t) -> y_t = log P_B(s_t|s_{t+1}) + Vbar(s_{t+1})``, at the exit ``y = log R'(x)``. Vbar is of the target
    network, and y carries no gradient. The fixed point is ``V = log F``, ``Q(s,a) = log F(s -> s')``.

    Q has a dueling form: ``Q(s,a) = V(s) + log P_F(a|s)`` with the policy's log_flow as V. This is no restriction,
    since any Q over the legal actions is ``V + log softmax(Q)`` with ``V = logsumexp Q``, and so the policy that is
    sampled is softmax(Q) itself. Hence Q - y is the residual of detailed balance, from [B, T], but the gradient stops
    at s_{t+1}. Valid for trajectories from any policy with full support. P_B, which is the reward, gets no gradient.

    Authors' settings (Adam, huber): hypergrid: lr 1e-3, prioritised store of 100,000 transitions, batch 256, target
    rate .25; molecules: lr 5e-4, store of 1,000,000, target rate .1; bit sequences: target copied every 5 iterations,
    leaf_weight 2 to 5. The temperature is 1: another one would change what is sampled.

    Args:
        regression: "huber": parabola up to ``huber_delta``, then a line; "squared": (Q - y)^2.
        huber_delta: where huber turns linear; read with regression=huber only.
        leaf_weight: factor on the loss of exits, the only transitions that see R'.
        reduction: "transition": the mean over all transitions, as in the authors' code; "trajectory": the mean over
            trajectories of sums.

    Reference: Tiapkin et al. 2023, arXiv 2310.12934 (SoftDQN). Pinned by tests/objectives/test_soft_q.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB, LogFlow, TargetLogFlow)
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "flow"})
    learns_flow: ClassVar[bool] = True
    reference: ClassVar[str] = "Tiapkin et al. 2023, arXiv 2310.12934 (SoftDQN)"
    bootstraps: ClassVar[bool] = True
    target = TargetNetwork(rate=0.25, every=1)

    def __init__(
        self,
        *,
        regression: Literal["huber", "squared"] = "huber",
        huber_delta: Annotated[float, Field(gt=0)] = 1.0,
        leaf_weight: Annotated[float, Field(gt=0)] = 1.0,
        reduction: Reduction = "transition",
    ) -> None:
        self.regression = Regression(regression, huber_delta)
        self.leaf_weight = leaf_weight
        self.reduction: Reduction = reduction

    def error(self, evaluated: Evaluated) -> Tensor:
        """Q(s_t, a_t) - y_t, [B, T], 0 on pads."""
        return residuals.detailed_balance(evaluated, evaluated[LogFlow], evaluated[TargetLogFlow])

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        error = self.error(evaluated)
        losses = self.regression(error) * (1 + (self.leaf_weight - 1) * evaluated.is_exit)
        return ObjectiveOutput(
            losses={"q": Loss(mean(losses, evaluated.mask, self.reduction, evaluated.union), self.trains)},
            metrics={
                "log_z": evaluated[LogFlow][:, 0].detach().mean(),
                "error/abs": mean(error.detach().abs(), evaluated.mask, "transition"),
            },
        )
