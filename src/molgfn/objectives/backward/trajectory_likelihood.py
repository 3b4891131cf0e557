"""Trajectory likelihood maximisation."""

from __future__ import annotations

from typing import ClassVar

from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Loss, ObjectiveOutput
from molgfn.trajectories.batch import Scored


class TrajectoryLikelihood(BackwardPolicyTraining):
    """Trajectory likelihood maximisation (TLM).

    ``-mean_b sum_t log P_B(s_t | s_{t+1})`` over trajectories from P_F; its gradient is that of KL(P_F || P_B), and
    reaches P_B only. Stabilise it with a falling learning rate of P_B (``optimizer.backward_decay``).

    Reference: Gritsaev et al. 2024, arXiv 2410.15474 (the TLM loss). Pinned by tests/objectives/test_golden.py.
    """

    learned: ClassVar[bool] = True
    joint: ClassVar[bool] = False
    on_policy: ClassVar[bool] = True
    reference: ClassVar[str] = "Gritsaev et al. 2024, arXiv 2410.15474 (the TLM loss)"

    def __call__(self, scored: Scored) -> ObjectiveOutput:
        loss = -scored.need("log_pb").sum(1).mean()
        return ObjectiveOutput(losses={"tlm": Loss(loss, frozenset({"backward"}))})
