"""The contract of what is hidden while a policy trains: which finished objects it never learns the reward of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.base import Environment


@attributes_in_docstring
class HiddenObjects(ABC):
    """Says of finished objects whether they are hidden; a function of the object, the same in every process.

    What is hidden is neither scored nor trained on: trajectories that end there are left out of each batch, counted,
    and drawn anew (``trajectories.visible``). The environment still builds it, so that the policy has a probability for
    it, which shows what was learned of objects that were never seen (``evaluation.exact.hidden``).
    """

    #: ``hides`` tells by the objects, and not by how many steps it took to build them
    reads_objects: ClassVar[bool] = True
    #: construction steps after which a rollout is made to stop wherever it may; None: it never is
    last_step: int | None = None

    @abstractmethod
    def hides(self, objects: Any, keys: list[str], steps: Tensor) -> Tensor:
        """bool [B], on the CPU.

        Args:
            objects: B of them, as the environment makes them; None where not ``reads_objects``.
            keys: their keys; empty where not ``reads_objects``.
            steps: int64 [B], construction steps (the exit not counted) by which each was built.
        """

    def of_given(self, objects: Any, keys: list[str]) -> Tensor:
        """bool [B], on the CPU: which of B given objects are hidden, to which no trajectory leads yet.

        For rules of objects alone, which is what ``reads_objects`` says.
        """
        return self.hides(objects, keys, torch.zeros(len(keys), dtype=torch.int64))

    def misfit(self, environment: Environment) -> str | None:
        """Why nothing of this environment can be hidden so; None where it can."""
        return None
