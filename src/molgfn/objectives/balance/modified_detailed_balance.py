"""Modified detailed balance."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field

from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, ObjectiveOutput
from molgfn.objectives.regression import Reduction, RegressionLoss, StepRegression
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogFlow
from molgfn.trajectories.quantities.forward import CanStop, LogPFExit
from molgfn.trajectories.quantities.rewards import LogRewardState


class ModifiedDetailedBalance(StepRegression):
    """Modified detailed balance (MDB): detailed balance without a flow network, where every state may stop.

    The exit condition gives ``F(s) = R'(s) / P_F(stop|s)``, and detailed balance becomes ``d_t = log R'(s_t) +
    log P_F(s_{t+1}|s_t) + log P_F(stop|s_{t+1}) - log R'(s_{t+1}) - log P_B(s_t|s_{t+1}) - log P_F(stop|s_t)`` for all
    transitions but the exit, where it holds by itself. Valid for trajectories from any policy with full support.

    Costs a reward call at *every* state of every trajectory: compare by reward calls, not by iterations. It takes no
    target network: it reads no flow of the next state, but P_F(stop|s_{t+1}), with its gradient (the authors' code
    takes that from a periodic copy).

    Authors' settings: Adam, lr 1e-4, huber, batch 128, a replay of 100,000 transitions (arXiv 2402.10309's code, for
    structures of Bayesian networks).

    Args:
        flow_without_stop: learn log F(s) where stop is illegal (as in the empty molecule), so that not every state has
            to stop. With False the environment must allow stop everywhere.
        reduction: "trajectory": ``mean_b sum_t d_t^2``; "transition": the mean over all transitions, which weighs long
            trajectories more.
        regression: what is made of d_t; see ``objectives.regression.Regression`` (arXiv 2410.02596).
        huber_delta: where huber turns linear; read with regression=huber only.

    Reference: Deleu et al. 2022, arXiv 2202.13903 (the modified detailed balance loss).
    Pinned by tests/objectives/test_balance.py.
    """

    quantities: tuple[type[Quantity], ...] = (LogPB, LogPFExit, LogRewardState)
    on_policy: ClassVar[bool] = False
    trains = frozenset({"forward", "backward"})
    reference: ClassVar[str] = "Deleu et al. 2022, arXiv 2202.13903 (the modified detailed balance loss)"
    needs_stop_everywhere = True

    def __init__(
        self,
        *,
        flow_without_stop: bool = False,
        reduction: Reduction = "trajectory",
        regression: RegressionLoss = "squared",
        huber_delta: Annotated[float, Field(gt=0)] = 1.0,
    ) -> None:
        super().__init__(reduction=reduction, regression=regression, huber_delta=huber_delta)
        self.needs_stop_everywhere = not flow_without_stop
        if flow_without_stop:
            self.quantities = (LogPB, LogFlow, LogPFExit, CanStop, LogRewardState)
            self.trains = type(self).trains | {"flow"}

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        flow = evaluated[LogRewardState] - evaluated[LogPFExit]
        if not self.needs_stop_everywhere:
            flow = torch.where(evaluated[CanStop], flow, evaluated[LogFlow])
        there = evaluated.mask & ~evaluated.is_exit
        d = residuals.detailed_balance(evaluated, flow) * there
        return ObjectiveOutput(
            losses={"mdb": Loss(self.mean(self.regression(d), there, evaluated), self.trains)},
            metrics={"log_z": flow[:, 0].detach().mean()},
        )
