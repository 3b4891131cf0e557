"""How P_B is chosen and trained: a part of its own beside the forward objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from molgfn.objectives.base import ObjectiveOutput
from molgfn.trajectories.batch import Scored


class BackwardPolicyTraining(ABC):
    """Says whether P_B has parameters, who trains them, and with which loss.

    With its own loss the step on P_B comes *before* the forward objective's step on the same trajectories.
    """

    #: P_B has parameters
    learned: ClassVar[bool]
    #: the forward objective's gradient reaches P_B
    joint: ClassVar[bool]
    #: its own loss needs trajectories from the present P_F
    on_policy: ClassVar[bool]
    #: arXiv ids
    reference: ClassVar[str]

    @property
    def has_loss(self) -> bool:
        """P_B is trained by its own loss."""
        return self.learned and not self.joint

    @abstractmethod
    def __call__(self, scored: Scored) -> ObjectiveOutput:
        """The loss of P_B on trajectories scored by ``score_backward``; no losses where there is none."""
