"""Forward-looking detailed balance."""

from __future__ import annotations

from typing import ClassVar

from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, ObjectiveOutput
from molgfn.objectives.regression import StepRegression
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogFlow, NextLogFlow
from molgfn.trajectories.quantities.rewards import LogRewardState


class ForwardLookingDetailedBalance(StepRegression):
    """Forward-looking detailed balance (FL-DB): the reward so far is given, only what is still to come is learned.

    ``log F(s) = log F~(s) + phi(s)`` with phi(s) = log R'(s), 0 where a state stands for no object; the policy's
    log_flow is log F~. The residual ``log F~(s_t) + log P_F - log F~(s_{t+1}) - log P_B - [phi(s_{t+1}) - phi(s_t)]``,
    at the exit ``log F~(x) + log P_F(stop|x)``, is that of detailed balance at F. Valid for trajectories from any
    policy with full support.

    Costs a reward call at *every* state of every trajectory: compare by reward calls, not by iterations. Where there is
    a target network, log F~(s_{t+1}) is read from it and carries no gradient.

    Authors' settings: those of detailed balance; the reward of a partial molecule by the sEH proxy.

    Args:
        reduction: "trajectory": ``mean_b sum_t d_t^2``; "transition": the mean over all transitions, which weighs long
            trajectories more.
        regression: what is made of d_t; see ``objectives.regression.Regression`` (arXiv 2410.02596).
        huber_delta: where huber turns linear; read with regression=huber only.
        epochs: steps on each batch, all of it in each; None: 1.

    Reference: Pan et al. 2023, arXiv 2302.01687 (the forward-looking detailed balance loss).
    Pinned by tests/objectives/test_balance.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB, LogFlow, NextLogFlow, LogRewardState)
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "backward", "flow"})
    reference: ClassVar[str] = "Pan et al. 2023, arXiv 2302.01687 (the forward-looking detailed balance loss)"
    bootstraps: ClassVar[bool] = True
    forward_looking: ClassVar[bool] = True

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        phi = evaluated[LogRewardState]
        flow = evaluated[LogFlow] + phi
        d = residuals.detailed_balance(evaluated, flow, evaluated[NextLogFlow] + phi)
        return ObjectiveOutput(
            losses={"fldb": Loss(self.mean(self.regression(d), evaluated.mask, evaluated), self.trains)},
            metrics={"log_z": flow[:, 0].detach().mean()},
        )
