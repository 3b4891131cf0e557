"""Trajectory balance."""

from __future__ import annotations

from typing import ClassVar

from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.trajectories.batch import Scored


class TrajectoryBalance(Objective):
    """Trajectory balance (TB).

    ``D(tau) = log Z + log P_F(tau) - log P_B(tau | x) - log R'(x)``; the loss is ``mean_b D(tau_b)^2``, from [B, T].
    Valid for trajectories from any policy with full support.

    Reference: Malkin et al. 2022, arXiv 2201.13259 (the trajectory balance loss).
    Pinned by tests/objectives/test_golden.py.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"log_pb", "log_z"})
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "backward", "log_z"})
    reference: ClassVar[str] = "Malkin et al. 2022, arXiv 2201.13259 (the trajectory balance loss)"

    def __call__(self, scored: Scored) -> ObjectiveOutput:
        residual = scored.need("log_z") + residuals.scores(scored)
        return ObjectiveOutput(
            losses={"tb": Loss(residual.square().mean(), self.trains)},
            metrics={"residual/mean": residual.detach().mean(), "residual/abs": residual.detach().abs().mean()},
        )
