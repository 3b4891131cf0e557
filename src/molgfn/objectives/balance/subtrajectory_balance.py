"""Sub-trajectory balance."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from molgfn.errors import ConfigError
from molgfn.objectives import residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.objectives.regression import Regression, RegressionLoss
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogFlow, NextLogFlow
from molgfn.trajectories.union import WHOLE, Union


class SubTrajectoryBalance(Objective):
    """Sub-trajectory balance, SubTB(lambda).

    ``D_{i:j} = log F(s_i) + sum_{t=i}^{j-1} (log P_F - log P_B) - log F(s_j)`` for all 0 <= i < j <= T, with
    ``F(s_T) = R'(x)``; the loss weighs ``D_{i:j}^2`` by ``lambda^(j-i)``. As lambda -> 0 it is the mean over
    transitions of DB, as lambda -> infinity it is TB. D_{i:j} = C_j - C_i with C the running sum of DB residuals:
    [B, T+1, T+1], no loop. Valid for trajectories from any policy with full support. Where there is a target network,
    log F(s_j) at the end of a sub-trajectory is read from it and carries no gradient.

    Authors' settings: lambda 0.9 on hypergrids (arXiv 2209.12782), 1.9 on bit sequences (arXiv 2310.12934's code), 1 on
    molecules (arXiv 2606.15793's code); lr as for detailed balance.

    Args:
        lambda_: weight of a sub-trajectory per transition, > 0.
        weighting: "geometric_within": weights normalised within each trajectory, then the mean over trajectories;
            "geometric": normalised over the whole batch, which weighs long trajectories more; "equal_within" and
            "equal": the same two with all sub-trajectories alike, so they take lambda_=1 only.
        regression: what is made of D_{i:j}; see ``objectives.regression.Regression`` (arXiv 2410.02596).
        huber_delta: where huber turns linear; read with regression=huber only.
        epochs: steps on each batch, all of it in each; None: 1.

    Reference: Madan et al. 2023, arXiv 2209.12782 (the SubTB(lambda) loss). Pinned by tests/objectives/test_golden.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB, LogFlow, NextLogFlow)
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "backward", "flow"})
    learns_flow: ClassVar[bool] = True
    reference: ClassVar[str] = "Madan et al. 2023, arXiv 2209.12782 (the SubTB(lambda) loss)"
    bootstraps: ClassVar[bool] = True

    def __init__(
        self,
        *,
        lambda_: Annotated[float, Field(gt=0)] = 0.9,
        weighting: Literal["geometric_within", "geometric", "equal_within", "equal"] = "geometric_within",
        regression: RegressionLoss = "squared",
        huber_delta: Annotated[float, Field(gt=0)] = 1.0,
        epochs: Annotated[int, Field(ge=1)] | None = None,
    ) -> None:
        if weighting.startswith("equal") and lambda_ != 1:
            raise ConfigError(f"weighting={weighting} weighs all sub-trajectories alike: give lambda_=1 with it")
        self.lambda_ = lambda_
        self.weighting = weighting
        self.within = weighting.endswith("within")
        self.regression = Regression(regression, huber_delta)
        self.epochs = epochs or 1

    def weights(self, mask: Tensor, dtype: torch.dtype, union: Union = WHOLE) -> Tensor:
        """[B, T+1, T+1]: lambda^(j-i) for the sub-trajectories that are there, scaled so that the largest is 1."""
        width = mask.shape[1]
        position = torch.arange(width + 1, device=mask.device)
        span = position[None, :] - position[:, None]
        lengths = mask.sum(1)
        longest = torch.where(torch.tensor(self.lambda_ > 1, device=mask.device), lengths, 1)
        if not self.within:
            longest = union.largest(longest).expand_as(lengths)
        log_lambda = torch.log(torch.tensor(self.lambda_, dtype=torch.float64)).to(mask.device)
        exponent = (span[None] - longest[:, None, None]) * log_lambda
        there = (span[None] > 0) & (position <= lengths[:, None])[:, None, :]
        return torch.where(there, exponent.exp(), 0.0).to(dtype)

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        d = residuals.detailed_balance(evaluated)
        running = torch.nn.functional.pad(d.cumsum(1), (1, 0))
        residual = running[:, None, :] - running[:, :, None]
        if evaluated[NextLogFlow] is not evaluated[LogFlow]:  # another one at the end, but for the sink, which has none
            gap = (evaluated[LogFlow] - evaluated[NextLogFlow]) * evaluated.mask
            residual = residual + torch.nn.functional.pad(gap, (0, 1))[:, None, :]
        weights = self.weights(evaluated.mask, d.dtype, evaluated.union)
        # beyond the end of a trajectory stands what has no meaning: an exponential of it may be infinite
        losses = self.regression(torch.where(weights > 0, residual, 0.0)) * weights
        weighted, total = losses.sum((1, 2)), weights.sum((1, 2))
        union = evaluated.union
        loss = (weighted / total).mean() if self.within else union.sum(weighted) / union.sum(total)
        return ObjectiveOutput(
            losses={"subtb": Loss(loss, self.trains)},
            metrics={"log_z": evaluated[LogFlow][:, 0].detach().mean()},
        )
