"""A batch of molecules under construction."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from molgfn.environments.base import States


@dataclass(frozen=True)
class AtomStates(States):
    """B connected graphs of at most N atoms, which fill the first slots.

    Attributes:
        types: int64 [B, N], 1 + the number of the atom's type, 0 where there is no atom.
        bonds: int8 [B, N, N], orders of bonds, 0 where there is none; symmetric.
    """

    types: Tensor
    bonds: Tensor

    @property
    def n(self) -> Tensor:
        """int64 [B], number of atoms."""
        return (self.types > 0).sum(1)
