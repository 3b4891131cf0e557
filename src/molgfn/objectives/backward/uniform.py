"""Uniform P_B."""

from __future__ import annotations

from typing import ClassVar

from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated


class Uniform(BackwardPolicyTraining):
    """``P_B(s|s') = 1 / (number of legal backward actions at s')``; nothing to train.

    Reference: Malkin et al. 2022, arXiv 2201.13259.
    """

    learned: ClassVar[bool] = False
    joint: ClassVar[bool] = False
    on_policy: ClassVar[bool] = False
    reference: ClassVar[str] = "Malkin et al. 2022, arXiv 2201.13259"

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        return ObjectiveOutput(losses={})
