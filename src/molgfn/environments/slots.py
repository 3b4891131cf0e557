"""The layer of environments that fill numbered slots: an action stays what it is when it is taken earlier or later."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.actions import ListedActions
from molgfn.environments.base import States


@attributes_in_docstring
class ActsAtSlots(ListedActions):
    """Actions act at slots 0 .. W - 1 (nodes of a tree, atoms, places of a string), which they fill.

    So an action of one state can be said of another in which the slots are numbered otherwise, and in which some are
    missing: this is how what is left of an object goes on after a step of it was taken otherwise (``editing``).
    """

    #: actions at different slots may be taken in any order; False: an environment of the class that writes in order
    order_free: bool = True

    @property
    @abstractmethod
    def n_slots(self) -> int:
        """W."""

    @abstractmethod
    def taken_slots(self, states: States) -> Tensor:
        """bool [B, W]: slots that are filled."""

    @abstractmethod
    def filled_slot(self, states: States, actions: Tensor) -> Tensor:
        """int64 [B]: the slot that ``step(states, actions)`` fills, -1 where none."""

    @abstractmethod
    def rebuilt_slots(self, backward_actions: Tensor, previous: States) -> Tensor:
        """int64 [B, W]: slot j of what a step from ``previous = undo(states, backward_actions)`` builds again is slot
        ``[:, j]`` of ``states``.
        """

    @abstractmethod
    def renumbered(self, actions: Tensor, slots: Tensor) -> Tensor:
        """int64 [B]: the actions where slot i is called ``slots[:, i]`` (int64 [B, W]); -1 where one it needs is -1."""

    @abstractmethod
    def places(self, device: torch.device | str = "cpu") -> Tensor:
        """int64 [A]: where each action acts; actions at one place are taken one instead of the other."""

    def stand_ins(self, actions: Tensor) -> Tensor:
        """bool [B, A]: actions that do the same elsewhere at the same slot, for when ``actions`` [B] are not legal."""
        return torch.zeros(len(actions), self.n_actions, dtype=torch.bool, device=actions.device)


def without_gap(removed: Tensor, before: Tensor, width: int) -> Tensor:
    """int64 [B, W]: where slot ``removed`` [B] was taken out, the rest moved up (``before`` [B] are left), and it was
    then put last again: what was slot ``[:, j]`` is now slot j.
    """
    slots = torch.arange(width, device=removed.device)
    moved = (slots + (slots >= removed[:, None]).long()).clamp(max=width - 1)
    return torch.where(slots == before[:, None], removed[:, None], torch.where(slots < before[:, None], moved, slots))
