"""The contract of a quantity: one thing that an objective reads about each step, trajectory or batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ContractError
from molgfn.policies.distributions import Capability
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head


@attributes_in_docstring
class Quantity(ABC):
    """What an objective lists in ``quantities`` and reads as ``evaluated[LogPB]``; no objects are made of the class.

    Only what is listed is computed. The first paragraph of the docstring says what it is, with its shape as objectives
    read it ([B, T], padded on the right): ``molgfn describe`` prints it.
    """

    #: a short name for tables and messages
    name: ClassVar[str]
    #: the heads of networks that ``compute`` reads
    reads: ClassVar[tuple[Head, ...]] = ()
    #: what P_F's distribution must be able to do: classes of ``policies.distributions.capabilities``
    needs: ClassVar[tuple[type[Capability], ...]] = ()
    #: it has a column for each of a fixed number of actions (``environments.actions.ListedActions``)
    of_listed_actions: ClassVar[bool] = False
    #: it asks for neighbours or numbers of a state (``environments.enumerable.Enumerable``)
    of_keyed_states: ClassVar[bool] = False
    #: one number (or row of numbers) for each step; otherwise for each trajectory, or one of the batch
    per_step: ClassVar[bool] = True
    #: what stands on pads
    padding: ClassVar[float] = 0.0
    #: the rewards of states on the way are needed, which costs reward calls
    reads_state_rewards: ClassVar[bool] = False
    #: it is measured from P_F at the start of the iteration
    anchored: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        """A value for each of the S states, [S, ...]; without ``per_step`` one for each trajectory, [B], or one, []."""


class Frozen(Quantity):
    """What ``Objective.prepare`` computes once for an iteration; it is never listed."""

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        raise ContractError(f"{cls.name} is not computed from networks: the objective's `prepare` must give it")
