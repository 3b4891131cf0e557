"""What the order of objects goes by, and what a sampler takes their rewards for."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from molgfn.errors import ContractError
from molgfn.rewards.base import ORDERED_BY
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation


class OrderedBy(Quantity):
    """[B, k], what each object is worth in each of k objectives, all of which should be large; NaN without a value.
    With a scalarisation that makes a number of several objectives, and for a single one, log R(x) is the only one.
    """

    name: ClassVar[str] = "ordered_by"
    per_step: ClassVar[bool] = False

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        t = evaluation.trajectories
        if t.log_reward is None:
            raise ContractError("these trajectories have no rewards")
        log_reward, measured = t.log_reward.to(evaluation.dtype), t.measurements
        columns = [] if measured is None else [c for n, c in measured.values.items() if n.startswith(ORDERED_BY)]
        return torch.stack(columns, 1).to(log_reward) if columns else log_reward[:, None]


class LogSymmetry(Quantity):
    """[B], log C(x), what log R(x) has more than log R'(x); 0 where nothing is corrected."""

    name: ClassVar[str] = "log_symmetry"
    per_step: ClassVar[bool] = False

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        t = evaluation.trajectories
        if t.log_symmetry is None:
            return torch.zeros(len(t), dtype=evaluation.dtype, device=t.lengths.device)
        return t.log_symmetry.to(evaluation.dtype)
