"""Training a pool policy on the information of one belief, without a run around it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from molgfn.environments.sets.environment import Sets
from molgfn.information.base import Information
from molgfn.information.members import Members
from molgfn.information.pools import Pool
from molgfn.objectives.backward.uniform import Uniform
from molgfn.objectives.base import Objective
from molgfn.oracles.sets.information import SetInformation
from molgfn.policies.exploration import Exploration
from molgfn.policies.sets.policy import PoolPolicy
from molgfn.rewards.batch_information import BatchInformation
from molgfn.training.learner import Learner
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.rewarded import Batch, find_rewards
from molgfn.trajectories.sampler import Sampler


class GivenPool(Pool):
    """Members that are there already."""

    def __init__(self, members: Members) -> None:
        self._given = members

    def read(self) -> Members:
        return self._given


class GivenInformation(SetInformation):
    """An information that is there already, as an oracle."""

    name: ClassVar[str] = "information"

    def __init__(self, pool: Pool, information: Information) -> None:
        super().__init__(pool=pool)
        self._given = information

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    def make(self) -> Information:
        return self._given


def sets_of(members: Members, information: Information, size: int) -> tuple[Sets, GivenInformation]:
    """Sets of ``size`` members, whose features have what the model says of each beside them; and what they tell."""
    features = np.concatenate([members.features, information.summary()], 1)
    pool = GivenPool(Members(members.names, features, members.molecules))
    return Sets(pool=pool, size=size), GivenInformation(pool, information)


def train(
    policy: PoolPolicy,
    oracle: GivenInformation,
    objective: Objective,
    *,
    updates: int,
    batch_size: int,
    temperature: float,
    optimizers: Optimizers,
    exploration: Exploration,
    generator: torch.Generator,
) -> float:
    """Train P_F towards exp(information / temperature), log Z anew; returns the mean loss of the last tenth.

    Args:
        policy: on the sets that ``oracle`` measures.
        oracle: of ``sets_of``.
        objective: without networks of its own.
        updates: iterations.
        batch_size: trajectories of each.
        temperature: in nats.
        optimizers: learning rates.
        exploration: of P_F while trajectories are drawn.
        generator: of what is drawn, on the policy's device.
    """
    environment, reward = policy.environment, BatchInformation(oracle=oracle, temperature=temperature)
    learner = Learner(policy=policy, objective=objective, backward=Uniform(), optimizers=optimizers)
    losses: list[Tensor] = []
    for number in range(updates):
        drawn = Sampler(environment).forward(
            policy, batch_size, generator=generator, exploration=exploration.at(number)
        )
        metrics = learner.step(Batch.of(find_rewards(drawn, environment, reward)))
        losses.append(torch.stack([v for name, v in metrics.items() if name.startswith("loss/")]).sum())
    last = losses[-max(1, updates // 10) :]
    return float(torch.stack(last).mean()) if last else float("nan")
