"""The contract of learning in a loop: how the sampler trains on what was scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field

from molgfn.acquisition.known import Known
from molgfn.acquisition.models.base import Acquisition
from molgfn.docstrings import attributes_in_docstring
from molgfn.objectives.declarations import read_quantities
from molgfn.optimising.sampler import LoopSampler
from molgfn.paths import InputFile
from molgfn.runs.device import usable

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Lesson:
    """What the sampler learns from in one round.

    Attributes:
        known: everything that was scored.
        acquisition: fitted to it.
        random: of what is chosen; new for each round.
        generator: of what the policy draws, on its device; likewise.
    """

    known: Known
    acquisition: Acquisition
    random: np.random.Generator
    generator: torch.Generator


@attributes_in_docstring
class Learning(ABC):
    """Trains the sampler once a round, after the acquisition was fitted and before candidates are proposed.

    Args:
        updates: iterations of training each round.
        batch_size: trajectories of each.
        init_from: checkpoint or run folder whose weights the sampler starts from, such as a prior of the same
            environment; None starts from random weights.
        device: of torch, such as "cuda"; None: a CUDA device where there is one, else the CPU.
    """

    #: why its trajectories are not those of the present P_F ("it ..."); None where they are
    off_policy: ClassVar[str | None] = None
    #: it reads what a model of the acquisition expects
    reads_model: ClassVar[bool] = False

    def __init__(
        self,
        *,
        updates: Count = 8,
        batch_size: Count = 64,
        init_from: InputFile | None = None,
        device: str | None = None,
    ) -> None:
        self.updates, self.batch_size = updates, batch_size
        self.init_from, self.device = init_from, device
        if device is not None:
            usable(device)

    def misfits(self, sampler: LoopSampler, acquisition: Acquisition) -> list[str]:
        """What does not fit together, one line each."""
        objective, backward = sampler.experiment.objective, sampler.experiment.backward
        problems = []
        if self.off_policy is not None:
            problems += [
                f"{key}: {type(part).__name__} is on-policy, but learning {self.off_policy}; use learning=predicted"
                for key, part in (("objective", objective), ("backward", backward))
                if part.on_policy
            ]
        if self.reads_model and not acquisition.models:
            problems.append(
                f"learning: {type(self).__name__} learns from what the acquisition expects, but "
                f"{type(acquisition).__name__} has no model; use learning=replay, or acquisition=tanimoto_gp"
            )
        if any(quantity.reads_state_rewards for quantity in read_quantities(objective)):
            problems.append(
                f"objective: {type(objective).__name__} reads rewards of states on the way, each of which would be an "
                "oracle call that nobody chose; take another objective"
            )
        if objective.only_offline:
            problems.append(
                f"objective: {type(objective).__name__} reads no reward, so nothing that is scored changes it"
            )
        return problems

    @abstractmethod
    def learn(self, sampler: LoopSampler, lesson: Lesson) -> dict[str, float]:
        """Train; returns the mean of each metric over the iterations, empty where there was nothing to learn from."""
