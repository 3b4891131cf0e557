"""P_B trained by the forward objective."""

from __future__ import annotations

from typing import ClassVar

from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Objective, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated


class Joint(BackwardPolicyTraining):
    """The forward objective's gradient also reaches P_B (the "naive" learned backward policy).

    Converges to some balanced pair (P_F, P_B); the gradient on P_B is not that of a KL divergence and depends on log Z.

    Reference: Malkin et al. 2022, arXiv 2201.13259.
    """

    learned: ClassVar[bool] = True
    joint: ClassVar[bool] = True
    on_policy: ClassVar[bool] = False
    reference: ClassVar[str] = "Malkin et al. 2022, arXiv 2201.13259"

    def misfit(self, objective: Objective) -> str | None:
        if "backward" in objective.trains:
            return None
        return (
            f"joint trains P_B by the forward objective, but {type(objective).__name__} gives P_B no gradient; use "
            "backward=uniform or backward=tlm"
        )

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        return ObjectiveOutput(losses={})
