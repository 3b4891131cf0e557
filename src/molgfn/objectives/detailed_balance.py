"""Detailed balance."""

from __future__ import annotations

from typing import ClassVar, Literal

from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.trajectories.batch import Scored


class DetailedBalance(Objective):
    """Detailed balance (DB).

    ``d_t = log F(s_t) + log P_F(s_{t+1}|s_t) - log F(s_{t+1}) - log P_B(s_t|s_{t+1})``, at the exit
    ``log F(x) + log P_F(stop|x) - log R'(x)``. log Z is log F(s_0). Valid for trajectories from any policy with full
    support.

    Args:
        reduction: "trajectory": ``mean_b sum_t d_t^2`` (arXiv 2408.05885's code); "transition": the mean over all
            transitions, which weighs long trajectories more.

    Reference: Bengio et al. 2021, arXiv 2111.09266 (the detailed balance condition).
    Pinned by tests/objectives/test_golden.py.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"log_pb", "log_flow"})
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "backward", "flow"})
    reference: ClassVar[str] = "Bengio et al. 2021, arXiv 2111.09266 (the detailed balance condition)"

    def __init__(self, *, reduction: Literal["trajectory", "transition"] = "trajectory") -> None:
        self.reduction = reduction

    def __call__(self, scored: Scored) -> ObjectiveOutput:
        squared = residuals.detailed_balance(scored).square()
        n = len(scored) if self.reduction == "trajectory" else scored.mask.sum()
        return ObjectiveOutput(
            losses={"db": Loss(squared.sum() / n, self.trains)},
            metrics={"log_z": scored.need("log_flow")[:, 0].detach().mean()},
        )
