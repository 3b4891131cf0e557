"""Detailed balance."""

from __future__ import annotations

from typing import ClassVar

from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, ObjectiveOutput
from molgfn.objectives.regression import StepRegression
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogFlow, NextLogFlow


class DetailedBalance(StepRegression):
    """Detailed balance (DB).

    ``d_t = log F(s_t) + log P_F(s_{t+1}|s_t) - log F(s_{t+1}) - log P_B(s_t|s_{t+1})``, at the exit
    ``log F(x) + log P_F(stop|x) - log R'(x)``. log Z is log F(s_0). Valid for trajectories from any policy with full
    support. Where there is a target network, log F(s_{t+1}) is read from it and carries no gradient.

    Authors' settings: Adam, lr 1e-3 on hypergrids (arXiv 2408.05885), 1e-4 on molecules (arXiv 2606.15793); huber in
    arXiv 2310.12934.

    Args:
        reduction: "trajectory": ``mean_b sum_t d_t^2`` (arXiv 2408.05885's code); "transition": the mean over all
            transitions, which weighs long trajectories more.
        regression: what is made of d_t; see ``objectives.regression.Regression`` (arXiv 2410.02596).
        huber_delta: where huber turns linear; read with regression=huber only.
        epochs: steps on each batch, all of it in each; None: 1.

    Reference: Bengio et al. 2021, arXiv 2111.09266 (the detailed balance condition).
    Pinned by tests/objectives/test_golden.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB, LogFlow, NextLogFlow)
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "backward", "flow"})
    learns_flow: ClassVar[bool] = True
    reference: ClassVar[str] = "Bengio et al. 2021, arXiv 2111.09266 (the detailed balance condition)"
    bootstraps: ClassVar[bool] = True

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        d = residuals.detailed_balance(evaluated, next_flow=evaluated[NextLogFlow])
        return ObjectiveOutput(
            losses={"db": Loss(self.mean(self.regression(d), evaluated.mask, evaluated), self.trains)},
            metrics={"log_z": evaluated[LogFlow][:, 0].detach().mean()},
        )
