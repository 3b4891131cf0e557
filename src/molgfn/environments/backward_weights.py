"""What a P_B without parameters goes by where an environment can tell better ways back from worse ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.base import Environment, States


@attributes_in_docstring
class BackwardWeights(ABC):
    """``P_B(a|s') = w(s', a) / sum of w(s', .)`` over the legal backward actions of s', w > 0.

    Two that compare equal are the same P_B. A subclass names the environments that it is of.
    """

    #: as P_B is called in messages
    name: ClassVar[str]

    @abstractmethod
    def misfit(self, environment: Environment) -> str | None:
        """Why it cannot be had in an environment; None where it can."""

    @abstractmethod
    def log_weights(self, environment: Environment, states: States, row: Tensor, actions: Tensor) -> Tensor:
        """log w, float64 [m], up to a number for each state.

        Args:
            environment: the one that the policy acts in.
            states: B states.
            row: int64 [m], the state of each action.
            actions: int64 [m] or [m, parts], legal backward actions.
        """
