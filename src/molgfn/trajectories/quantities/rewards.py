"""Rewards beside log R'(x), which every objective is given."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from molgfn.errors import ContractError
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation


class LogRewardState(Quantity):
    """[B, T], log R'(s_t) of every state that stands for an object, 0 elsewhere."""

    name: ClassVar[str] = "log_reward_state"
    reads_state_rewards: ClassVar[bool] = True

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        rewards = evaluation.trajectories.log_reward_state
        if rewards is None:
            raise ContractError("the rewards of states on the way were not asked for when the batch was drawn")
        return rewards.to(evaluation.dtype)


class ObjectLogReward(Quantity):
    """[B], log R(x) of the object itself, without the symmetry term that log R'(x) has.

    P_F draws an object with a symmetric graph by as many labelled ways as any other, so what is compared with
    probabilities of *objects*, and not with flows along edges, is this.
    """

    name: ClassVar[str] = "object_log_reward"
    per_step: ClassVar[bool] = False

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        log_reward = evaluation.trajectories.log_reward
        if log_reward is None:
            raise ContractError("these trajectories have no rewards")
        return log_reward.to(evaluation.dtype)
