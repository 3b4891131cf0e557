"""The contract of a model's information: how much a batch of measurements would tell of it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from molgfn.docstrings import attributes_in_docstring


class Gains(ABC):
    """How much each member would add to those that were taken so far; greedy selection step by step."""

    @abstractmethod
    def values(self) -> np.ndarray:
        """I(taken + i) - I(taken) of every member i, in nats, float64 [n]; of a taken one it has no meaning."""

    @abstractmethod
    def take(self, row: int) -> None:
        """Take a member into the batch."""


@attributes_in_docstring
class Information(ABC):
    """Joint mutual information I(y_B; model) of the outcomes of a batch B and the model, in nats.

    It is 0 of the empty batch and never falls with more members; of conditionally independent outcomes it is
    submodular, so that greedy selection reaches at least 1 - 1/e of the optimum (Nemhauser et al. 1978,
    doi:10.1007/BF01588971).
    """

    #: the members' names
    names: list[str]

    def __len__(self) -> int:
        return len(self.names)

    @abstractmethod
    def of(self, batches: np.ndarray) -> np.ndarray:
        """Of several batches, float64 [B]. Values do not depend on the other batches.

        Args:
            batches: int64 [B, k], the members of each by number, rising, then -1.

        Raises:
            DataError: a covariance that is not positive definite; a member is named.
        """

    @abstractmethod
    def alone(self) -> np.ndarray:
        """Of each member alone, float64 [n] (BALD, Houlsby et al. 2011, arXiv 1112.5745)."""

    @abstractmethod
    def gains(self) -> Gains:
        """Where greedy selection starts."""

    @abstractmethod
    def among(self, rows: np.ndarray) -> Information:
        """That of the members ``rows`` [m] alone, in that order."""

    @abstractmethod
    def after(self, rows: np.ndarray, random: np.random.Generator) -> Information:
        """What it would be with the members ``rows`` [m] measured, their outcomes drawn where they matter."""

    @abstractmethod
    def distances(self, row: int) -> np.ndarray:
        """How differently the model speaks of a member and of each, float64 [n]; 0 of itself."""

    @abstractmethod
    def summary(self) -> np.ndarray:
        """What a network is told of each member beside its features, of order one, float64 [n, s]."""
