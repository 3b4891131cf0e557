"""What trainings of P_B learn about states, each by a network of its own."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head


class BackwardValue(Quantity):
    """[B, T], value of s_t for the backward policy, of the network ``value_backward``."""

    name: ClassVar[str] = "value_backward"
    reads: ClassVar[tuple[Head, ...]] = (Head("flow", "value_backward"),)

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.log_flow("value_backward")


class LogPaths(Quantity):
    """[B, T], log of the number of paths from the source to s_t, of the network ``log_paths``."""

    name: ClassVar[str] = "log_paths"
    reads: ClassVar[tuple[Head, ...]] = (Head("flow", "log_paths"),)

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.log_flow("log_paths")
