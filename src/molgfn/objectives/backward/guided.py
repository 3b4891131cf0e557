"""P_B taught by a guide, which the forward objective reads beside it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.objectives.backward.base import BackwardPolicyTraining, Guide
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogGuide, LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogZ


class GuidedTrajectoryBalance(BackwardPolicyTraining):
    """Guided trajectory balance: P_B is regressed on a guide, and P_F on a mixture of both.

    First P_B: ``mean_b (log P_B(tau_b|x_b) - log P_G(tau_b|x_b))^2``, each square at most ``clamp`` (beyond it there is
    no gradient). Then the forward objective, with ``share log P_B + (1 - share) log P_G`` in place of log P_B, both
    without gradient. Any trajectories will do.

    Only objectives that read P_B as a sum over whole trajectories make sense beside it: a guide knows the object ahead,
    so its single steps are no P_B(s|s') that the flows or values of states could balance. As long as P_B differs from
    the guide the mixture is not normalised, and P_T is not exactly R/Z. With ``share`` 1 the forward objective reads
    P_B alone, whichever it is, and the guide only teaches.

    The loss is 0 where P_B is the guide, whatever the reward (the authors' code adds log R(x) on one side, which shifts
    the target of P_B).

    Args:
        guide: what P_B is taught.
        share: of log P_B in what the forward objective reads, in [0, 1] (authors: .5, .25 on TFBind8).
        clamp: largest squared residual; null does not clamp.

    Reference: Shen et al. 2023, arXiv 2305.07170 (guided trajectory balance). Pinned by
    tests/objectives/test_backward_learned.py.
    """

    learned: ClassVar[bool] = True
    joint: ClassVar[bool] = False
    on_policy: ClassVar[bool] = False
    reference: ClassVar[str] = "Shen et al. 2023, arXiv 2305.07170 (guided trajectory balance)"
    quantities: tuple[type[Quantity], ...] = (LogPB, LogGuide)

    def __init__(
        self,
        *,
        guide: Guide,
        share: Annotated[float, Field(ge=0, le=1)] = 0.5,
        clamp: Annotated[float, Field(gt=0)] | None = 100.0,
    ) -> None:
        self.guide = guide
        self.share = share
        self.clamp = clamp

    def misfit(self, objective: Objective) -> str | None:
        if self.share == 1:
            return None
        name = type(objective).__name__
        if LogPB not in objective.quantities:
            return f"guided_tb replaces P_B for the forward objective, but {name} does not read P_B"
        if objective.on_policy or set(objective.quantities) - {LogPB, LogZ}:
            return (
                "a guide's single steps depend on the object ahead, so guided_tb goes with off-policy objectives that "
                f"read P_B as a sum over whole trajectories, not step by step, such as objective=tb; {name} is none"
            )
        return None

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        squares = (evaluated[LogPB] - evaluated[LogGuide]).sum(1).square()
        loss = squares if self.clamp is None else squares.clamp(max=self.clamp)
        return ObjectiveOutput(
            losses={"guided_tb": Loss(loss.mean(), frozenset({"backward"}))},
            metrics={"guided_tb/square": squares.detach().mean()},
        )
