"""The backward policy along the trajectories."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from molgfn.errors import ContractError
from molgfn.policies.distributions import ActionDistribution
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head


class LogPB(Quantity):
    """[B, T], log P_B(s_t | s_{t+1}); 0 at the exit; without gradient where P_B is not trained jointly.

    Where a guide has a share of it, ``share log P_B + (1 - share) log_guide``.
    """

    name: ClassVar[str] = "log_pb"
    reads: ClassVar[tuple[Head, ...]] = (Head("backward"),)

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        log_pb = backward_log_prob(evaluation.trajectories, evaluation.backward())
        share, guide = evaluation.networks.share, evaluation.networks.log_guide
        return log_pb if guide is None or share == 1 else share * log_pb + (1 - share) * guide.to(log_pb.dtype)


class LogGuide(Quantity):
    """[B, T], log-probability of the step under a guide; see ``objectives.backward.base.Guide``."""

    name: ClassVar[str] = "log_guide"

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        guide = evaluation.networks.log_guide
        if guide is None:
            raise ContractError("log_guide was asked for, but there is no guide")
        return guide.to(evaluation.dtype)


def backward_log_prob(t: Trajectories, backward: ActionDistribution) -> Tensor:
    """log P_B(s_t | s_{t+1}) at the row of s_t, [S]; 0 at exits. The state s_{t+1} is the next row."""
    undoing = t.backward_actions.roll(1, 0)  # at the row of s_{t+1}: the action that leads back to s_t
    first = (t.step == 0).view(-1, *[1] * (undoing.dim() - 1))
    log_p = backward.log_prob(undoing.masked_fill(first, 0)).roll(-1)
    return torch.where(t.exits, torch.zeros_like(log_p), log_p)
