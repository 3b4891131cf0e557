"""Trajectory balance."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.objectives.regression import Regression, RegressionLoss
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogZ


class TrajectoryBalance(Objective):
    """Trajectory balance (TB).

    ``D(tau) = log Z + log P_F(tau) - log P_B(tau | x) - log R'(x)``; the loss is ``mean_b D(tau_b)^2``, from [B, T].
    Valid for trajectories from any policy with full support. On them from P_F itself half its gradient is that of
    KL(P_F || P_B) for any log Z.

    Authors' settings: Adam, lr 1e-3, 0.1 for log Z (hypergrid, arXiv 2201.13259 and 2408.05885).

    Args:
        regression: what is made of D; see ``objectives.regression.Regression`` (arXiv 2410.02596).
        huber_delta: where huber turns linear; read with regression=huber only.
        epochs: steps on each batch, all of it in each; None: 1.

    Reference: Malkin et al. 2022, arXiv 2201.13259 (the trajectory balance loss).
    Pinned by tests/objectives/test_golden.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB, LogZ)
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "backward", "log_z"})
    reference: ClassVar[str] = "Malkin et al. 2022, arXiv 2201.13259 (the trajectory balance loss)"

    def __init__(
        self,
        *,
        regression: RegressionLoss = "squared",
        huber_delta: Annotated[float, Field(gt=0)] = 1.0,
        epochs: Annotated[int, Field(ge=1)] | None = None,
    ) -> None:
        self.regression = Regression(regression, huber_delta)
        self.epochs = epochs or 1

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        residual = evaluated[LogZ] + residuals.log_ratios(evaluated)
        return ObjectiveOutput(
            losses={"tb": Loss(self.regression(residual).mean(), self.trains)},
            metrics={"residual/mean": residual.detach().mean(), "residual/abs": residual.detach().abs().mean()},
        )
