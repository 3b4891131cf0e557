"""P_F along one rollout, where each state is evaluated from what was computed of the state before."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from molgfn.environments.base import States
from molgfn.policies.distributions import ActionDistribution


class Carried(ABC):
    """What ``Policy.for_rollout`` gives where something is carried from state to state.

    It is called once for each step of a rollout. The states of the first call may be any. Those of each later call are
    the ones of the call before, in the same rows, each one step on or (where a trajectory has ended) as it was; of
    these nobody reads the answer. Where trajectories leave a rollout, ``keep`` says so between two calls.
    """

    @abstractmethod
    def __call__(self, states: States) -> ActionDistribution:
        """P_F of states [B], without gradient."""

    @abstractmethod
    def keep(self, rows: Tensor) -> None:
        """The rollout goes on with the rows ``rows`` int64 [b] of the last call, in that order."""
