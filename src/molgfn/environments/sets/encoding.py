"""What policies read of sets."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class SetBatch:
    """B sets of members of one pool of n.

    Attributes:
        members: int64 [B, k], rising, then n.
        features: float [n, F], of the pool.
        labelled: float [m, F + 1], features and label of what is known already; None where there is none.
        can_add: bool [B], a further member may be added.
        can_stop: bool [B], the exit is legal.
        condition: float [B, c]; None without one.
    """

    members: Tensor
    features: Tensor
    labelled: Tensor | None
    can_add: Tensor
    can_stop: Tensor
    condition: Tensor | None = None

    @property
    def n_graphs(self) -> int:
        """B."""
        return len(self.members)


@dataclass(frozen=True)
class SetSpec:
    """Sizes of what ``SetBatch`` holds.

    Attributes:
        features: F.
        most: k, members of the largest set.
        labelled: there is a labelled set.
        condition: numbers of an encoded condition.
    """

    features: int
    most: int
    labelled: bool
    condition: int = 0
