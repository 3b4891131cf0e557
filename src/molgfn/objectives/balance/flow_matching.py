"""Flow matching."""

from __future__ import annotations

from typing import ClassVar

import torch

from molgfn.objectives.base import Loss, ObjectiveOutput
from molgfn.objectives.regression import StepRegression
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogFlow, NextLogFlow
from molgfn.trajectories.quantities.inflow import LogInflow


class FlowMatching(StepRegression):
    """Flow matching (FM): what flows into a state flows out of it.

    With edge flows ``F(s -> s') = F(s) P_F(a|s)``, and so F(s) for all that flows out, each visited state but the
    source gives ``log sum_{parents p, a} F(p) P_F(a|p) - log F(s)`` and each exit ``log F(x) + log P_F(stop|x) -
    log R'(x)``: T residuals in a trajectory of T transitions. In log space throughout, so no epsilon is needed under
    the logarithm. Valid for trajectories from any policy with full support. P_B is not read: the flows imply one,
    so an ELBO taken with the policy's own P_B stays loose where P_T is exact.

    Costs an evaluation of the policy at *all parents* of every state. Where there is a target network, the flow out of
    a state is read from it and carries no gradient (the exits excepted), as in the authors' code.

    Authors' settings: Adam, lr 1e-3 on hypergrids (arXiv 2106.04399's and 2408.05885's code).

    Args:
        reduction: "trajectory": the mean over trajectories of sums; "transition": the mean over all residuals, which
            weighs long trajectories more.
        regression: what is made of a residual; see ``objectives.regression.Regression`` (arXiv 2410.02596).
        huber_delta: where huber turns linear; read with regression=huber only.
        epochs: steps on each batch, all of it in each; None: 1.

    Reference: Bengio et al. 2021, arXiv 2106.04399 (the flow-matching loss).
    Pinned by tests/objectives/test_balance.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogFlow, NextLogFlow, LogInflow)
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "flow"})
    learns_flow: ClassVar[bool] = True
    reference: ClassVar[str] = "Bengio et al. 2021, arXiv 2106.04399 (the flow-matching loss)"
    bootstraps: ClassVar[bool] = True

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        flow = evaluated[LogFlow]
        entered = evaluated.mask & (torch.arange(evaluated.mask.shape[1], device=flow.device) > 0)
        inside = (evaluated[LogInflow] - evaluated[NextLogFlow]) * entered
        leaving = (flow + evaluated.log_pf - evaluated.log_reward[:, None]) * evaluated.is_exit
        losses = self.regression(inside) + self.regression(leaving)
        return ObjectiveOutput(
            losses={"fm": Loss(self.mean(losses, evaluated.mask, evaluated), self.trains)},
            metrics={"log_z": flow[:, 0].detach().mean()},
        )
