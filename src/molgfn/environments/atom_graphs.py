"""Molecules under construction as atoms and bonds: one more way to show a state of an environment of molecules."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import Tensor

from molgfn.environments.base import Environment, States


@dataclass(frozen=True)
class AtomGraphs:
    """B molecules of at most A heavy atoms and M bonds, all padded to these; the place of an atom is fixed by the
    state, and there may be gaps.

    Attributes:
        element: int64 [B, A], atomic number, 0 where there is no atom.
        charge: int64 [B, A], formal charge.
        open: int64 [B, A], how many more bonds may be made there by actions of the environment.
        bonds: int64 [B, M, 2], places of the two atoms; (0, 0) where there is no bond.
        order: int64 [B, M], twice the bond order (aromatic 3), 0 where there is no bond.
    """

    element: Tensor
    charge: Tensor
    open: Tensor
    bonds: Tensor
    order: Tensor


class ShowsAtoms(Environment):
    """An environment whose states are molecules at any time, and can be shown so without building each of them."""

    @abstractmethod
    def atom_sizes(self) -> tuple[int, int]:
        """A and M of ``AtomGraphs``."""

    @abstractmethod
    def atom_graphs(self, states: States) -> AtomGraphs:
        """The states as atoms and bonds, on their device."""
