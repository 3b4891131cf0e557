"""Path consistency learning."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field

from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.objectives.regression import mean
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogFlow


class PathConsistency(Objective):
    """Path consistency learning (PCL): values and policy agree with the rewards along stretches of a path.

    With the rewards r_t = log P_B(s_t|s_{t+1}), at the exit log R'(x), and the policy's log_flow as V, ``C_i = -V(s_i)
    + sum_{t=i}^{j-1} (r_t - log P_F(s_{t+1}|s_t)) + V(s_j)``, j = min(i + span, T), V(s_T) = 0. The loss is ``1/2
    mean_b sum_i C_i^2``, from [B, T]. Without ``span`` there is one stretch, the whole trajectory: then C is minus the
    residual of trajectory balance with V(s_0) for log Z. With span = 1 it is minus that of detailed balance. Valid for
    trajectories from any policy with full support. P_B, which is the reward, gets no gradient; both values of a stretch
    do.

    Authors' settings (Deleu et al.): Adam, lr 1e-4, of V(s_0) 1e-2 (``optimizer.lr_flow``), batch 128, a store of
    100,000 transitions, epsilon down to .1.

    Args:
        span: transitions in a stretch, one stretch from every state; None: one of the whole trajectory.

    Reference: Nachum et al. 2017, arXiv 1702.08892 (PCL); Deleu et al. 2024, arXiv 2402.10309 (its equivalence to TB).
    Pinned by tests/objectives/test_soft_q_equivalences.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB, LogFlow)
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "flow"})
    reference: ClassVar[str] = "Nachum et al. 2017, arXiv 1702.08892 (PCL); Deleu et al. 2024, arXiv 2402.10309"

    def __init__(self, *, span: Annotated[int, Field(ge=1)] | None = None) -> None:
        self.span = span

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        value = evaluated[LogFlow]
        if self.span is None:
            inconsistency = -value[:, 0] - residuals.log_ratios(evaluated)
            squared = inconsistency.square().mean()
        else:  # -C_i is the sum of detailed balance residuals i ... j-1
            running = torch.nn.functional.pad(residuals.detailed_balance(evaluated).cumsum(1), (1, 0))
            width = evaluated.mask.shape[1]
            end = (torch.arange(width, device=value.device) + self.span).clamp(max=width)  # pads add nothing
            inconsistency = (running[:, :-1] - running[:, end]) * evaluated.mask
            squared = mean(inconsistency.square(), evaluated.mask, "trajectory")
        return ObjectiveOutput(
            losses={"pcl": Loss(squared / 2, self.trains)},
            metrics={"log_z": value[:, 0].detach().mean()},
        )
