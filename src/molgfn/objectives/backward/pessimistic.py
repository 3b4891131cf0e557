"""The pessimistic P_B."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Loss, ObjectiveOutput, TargetNetwork
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB


class Pessimistic(BackwardPolicyTraining):
    """Pessimistic backward policy (PBP): P_B puts its mass on the trajectories that were seen.

    ``-mean_b sum_t log P_B(s_t | s_{t+1})`` over trajectories of the latest batches, wherever they came from; the
    gradient reaches P_B only. Each step takes one of the batches at random. P_B's steps come first.

    Args:
        memory: batches that are remembered, the present one counted.
        steps: gradient steps of P_B per iteration.
        target_rate: share of P_B that goes, after each iteration, into the copy that the forward objective reads, in
            (0, 1] (.05 in the molecule experiments of arXiv 2410.15474); null: it reads P_B itself.

    Reference: Jang et al. 2024, arXiv 2405.16012. Pinned by tests/objectives/test_backward_learned.py.
    """

    learned: ClassVar[bool] = True
    joint: ClassVar[bool] = False
    on_policy: ClassVar[bool] = False
    reference: ClassVar[str] = "Jang et al. 2024, arXiv 2405.16012"
    trajectories = "recent"

    def __init__(
        self,
        *,
        memory: Annotated[int, Field(ge=1)] = 20,
        steps: Annotated[int, Field(ge=1)] = 8,
        target_rate: Annotated[float, Field(gt=0, le=1)] | None = 0.05,
    ) -> None:
        self.memory = memory
        self.steps = steps
        self.target = None if target_rate is None else TargetNetwork(rate=target_rate)

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        loss = -evaluated[LogPB].sum(1).mean()
        return ObjectiveOutput(losses={"pessimistic": Loss(loss, frozenset({"backward"}))})
