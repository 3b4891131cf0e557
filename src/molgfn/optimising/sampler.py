"""The sampler of a loop: a policy with its learner, and what it was scored by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.experiment.assembling import Experiment
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward
from molgfn.runs.checkpoint import take_weights
from molgfn.runs.environment import environment_record
from molgfn.training.learner import Learner


@dataclass
class LoopSampler:
    """What learns in a loop.

    Attributes:
        experiment: the parts, checked against each other as those of a training run are.
        learner: trains the policy of these.
    """

    experiment: Experiment
    learner: Learner

    @classmethod
    def of(cls, experiment: Experiment, *, init_from: str | None, device: str | None) -> LoopSampler:
        """The sampler of an experiment.

        Args:
            experiment: of the policy and all that trains it.
            init_from: checkpoint or run folder whose weights it starts from; None for none.
            device: of torch; None: a CUDA device where there is one, else the CPU.

        Raises:
            CheckpointError: the checkpoint is of another environment, or its weights do not fit.
        """
        if init_from is not None:
            here = environment_record(experiment.config, experiment.environment)
            take_weights(init_from, experiment.policy, here)
        place = device or ("cuda" if torch.cuda.is_available() else "cpu")
        for network in (experiment.policy, *experiment.auxiliaries.values(), *experiment.frozen.values()):
            network.to(place)
        return cls(experiment, experiment.learner())

    @property
    def policy(self) -> Policy:
        return self.experiment.policy

    @property
    def environment(self) -> Environment:
        return self.experiment.environment

    @property
    def reward(self) -> Reward:
        return self.experiment.reward

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimizer, schedule and learner, as plain data and tensors."""
        return {
            "networks": {name: network.state_dict() for name, network in self.learner.networks.items()},
            "optimizer": self.learner.steps.optimizer.state_dict(),
            "schedule": self.learner.steps.schedule.state_dict(),
            "learner": self.learner.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state_dict``."""
        self.learner.restore(state)

    def condition(self, n: int) -> dict[str, Tensor]:
        """The reference condition of n objects; empty without one."""
        reference = self.environment.condition_values(self.environment.initial(1))
        return {name: values.expand(n) for name, values in reference.items()}


def weights_of(sampler: LoopSampler) -> dict[str, Tensor]:
    """The policy's, as a checkpoint of a run has them."""
    return {f"policy.{name}": value for name, value in sampler.policy.state_dict().items()}


def mean_of(rows: Sequence[Mapping[str, Tensor]]) -> dict[str, float]:
    """The mean of each metric over several steps."""
    names = rows[0] if rows else ()
    return {name: float(torch.stack([row[name].detach().double().cpu() for row in rows]).mean()) for name in names}
