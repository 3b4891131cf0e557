"""The contract of an aggregation: desirabilities of several objectives in, one number in [0, 1] out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from molgfn.docstrings import attributes_in_docstring


@attributes_in_docstring
class Aggregation(ABC):
    """How ``rewards.objectives.Objectives`` makes one number of k objectives; it keeps nothing.

    A property that is NaN for an object makes its number NaN where it is read, and there alone.
    """

    #: what titles call it
    title: ClassVar[str]
    #: only the order of objects counts, by all objectives; what is trained must read it (``OrderPreserving``)
    orders: ClassVar[bool] = False

    def reads(self, objectives: Sequence[str]) -> frozenset[str]:
        """Names of the conditions that the number depends on."""
        return frozenset()

    def problem(self, weights: Mapping[str, float]) -> str | None:
        """Why it cannot be had of these objectives, in words; None where it can.

        Args:
            weights: objective -> the weight of its component.
        """
        return None

    @abstractmethod
    def __call__(
        self, worth: Mapping[str, np.ndarray], weights: Mapping[str, float], condition: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """The number of each object, float64 [B], in [0, 1]; NaN where one that it reads is NaN.

        Args:
            worth: objective -> desirability float64 [B] in [0, 1], in order.
            weights: objective -> the weight of its component.
            condition: name -> float64 [B]; at least all of ``reads``.
        """


def unweighted(weights: Mapping[str, float], why: str) -> str | None:
    """A problem where a component has a weight of its own that nothing would read."""
    own = [name for name, weight in weights.items() if weight != 1.0]
    return f"the components {', '.join(own)} have weights of their own, but {why}; leave them at 1" if own else None
