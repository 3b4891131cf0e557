"""Trajectory likelihood maximisation."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Loss, ObjectiveOutput, TargetNetwork
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB


class TrajectoryLikelihood(BackwardPolicyTraining):
    """Trajectory likelihood maximisation (TLM).

    ``-mean_b sum_t log P_B(s_t | s_{t+1})`` over trajectories from P_F; its gradient is that of KL(P_F || P_B), and
    reaches P_B only. P_B's step comes first; the forward objective then reads a copy of P_B that follows it.

    Both steps raise the same bound, so P_B can lock in the paths that P_F took early. The authors' remedies: P_B starts
    uniform (as it does here), the copy lags behind, and the learning rate of P_B falls (``optimizer.backward_decay``:
    .999 on hypergrids, .9999 on bit sequences; on molecules a tenth of P_F's rate). Their ``target_rate`` is .25 on
    hypergrids, .1 on bit sequences and .05 on molecules.

    Args:
        target_rate: share of P_B that goes into the copy after each iteration, in (0, 1]; null: the forward objective
            reads P_B itself.

    Reference: Gritsaev et al. 2024, arXiv 2410.15474 (the TLM loss). Pinned by tests/objectives/test_golden.py.
    """

    learned: ClassVar[bool] = True
    joint: ClassVar[bool] = False
    on_policy: ClassVar[bool] = True
    reference: ClassVar[str] = "Gritsaev et al. 2024, arXiv 2410.15474 (the TLM loss)"

    def __init__(self, *, target_rate: Annotated[float, Field(gt=0, le=1)] | None = 0.25) -> None:
        self.target = None if target_rate is None else TargetNetwork(rate=target_rate)

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        loss = -evaluated[LogPB].sum(1).mean()
        return ObjectiveOutput(losses={"tlm": Loss(loss, frozenset({"backward"}))})
