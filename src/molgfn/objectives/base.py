"""The contract of a training objective: scored trajectories in, losses and metrics out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from molgfn.trajectories.batch import Scored

#: what an objective may ask of the policy and of the scoring; the words are fields of ``Scored``
REQUIREMENTS = frozenset({"log_pb", "log_flow", "log_z", "entropy", "log_pf_exit", "log_reward_state"})
#: the parameter groups of a policy
GROUPS = frozenset({"forward", "backward", "flow", "log_z"})


@dataclass(frozen=True)
class Loss:
    """One scalar and the parameter groups that it trains; no other parameter gets a gradient from it."""

    value: Tensor
    groups: frozenset[str]


@dataclass(frozen=True)
class ObjectiveOutput:
    """Losses of one gradient step, and metrics (detached scalars) to log."""

    losses: dict[str, Loss]
    metrics: dict[str, Tensor] = field(default_factory=dict)


class Objective(ABC):
    """Turns scored trajectories into losses; pure tensors in, no environment and no network.

    Subclasses name in their docstring the equation, the arXiv id, the shapes and the test that pins the value.
    """

    #: fields of ``Scored`` that must be there
    requires: ClassVar[frozenset[str]]
    #: True where trajectories must be drawn from the present P_F (no replay, epsilon or temperature)
    on_policy: ClassVar[bool]
    #: the parameter groups that get gradient ("backward" only together with ``backward=joint``)
    trains: ClassVar[frozenset[str]]
    #: arXiv ids, and where in the paper
    reference: ClassVar[str]

    @abstractmethod
    def __call__(self, scored: Scored) -> ObjectiveOutput:
        """Losses and metrics of one batch."""
