"""The layer of environments whose actions can be listed, by one number each or part by part."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.base import Environment, States
from molgfn.errors import ConfigError


@attributes_in_docstring
class ListedActions(Environment):
    """Forward actions are integers [B] in ``[0, n_actions)``, backward actions integers in ``[0, n_backward_actions)``.

    The exit is one of the forward actions, ``stop_action``.
    """

    #: number of forward actions A, with the exit
    n_actions: int
    #: number of backward actions A'
    n_backward_actions: int
    #: the exit's place among the forward actions
    stop_action: int

    @abstractmethod
    def forward_mask(self, states: States) -> Tensor:
        """Legal forward actions, bool [B, A]. At least one is legal in every state."""

    @abstractmethod
    def backward_mask(self, states: States) -> Tensor:
        """Legal backward actions, bool [B, A']; all False exactly at the source."""

    def is_exit(self, states: States, actions: Tensor) -> Tensor:
        return actions == self.stop_action

    def exit_action(self, states: States) -> Tensor:
        return torch.full((len(states),), self.stop_action, dtype=torch.int64, device=states.device)

    def stop_mask(self, states: States) -> Tensor:
        return self.forward_mask(states)[:, self.stop_action]

    def legal_actions(self, states: States) -> tuple[Tensor, Tensor]:
        """See ``Enumerable.legal_actions``."""
        mask = self.forward_mask(states).clone()
        mask[:, self.stop_action] = False
        row, action = mask.nonzero(as_tuple=True)
        return row, action

    def legal_backward_actions(self, states: States) -> tuple[Tensor, Tensor]:
        """See ``Enumerable.legal_backward_actions``."""
        row, action = self.backward_mask(states).nonzero(as_tuple=True)
        return row, action

    def n_forward(self, states: States) -> Tensor:
        """See ``Enumerable.n_forward``."""
        return self.forward_mask(states).sum(1)

    def n_backward(self, states: States) -> Tensor:
        """See ``Enumerable.n_backward``."""
        return self.backward_mask(states).sum(1)


@attributes_in_docstring
class ActionsInParts(Environment):
    """Forward actions are int64 [B, n], one number for each of n parts that are chosen one after the other.

    Part k is in ``[0, parts[k])``; what is legal there depends on the parts before it. A part that has no meaning after
    what was chosen before it has one legal value. The exit is an action in as many parts. Backward actions are [B, n']
    likewise.
    """

    #: number of values of each part of a forward action
    parts: tuple[int, ...]
    #: number of values of each part of a backward action
    backward_parts: tuple[int, ...]

    @abstractmethod
    def part_mask(self, states: States, chosen: Tensor) -> Tensor:
        """Legal values of part k of a forward action after ``chosen`` int64 [B, k] (legal), bool [B, parts[k]].

        At least one is legal in every state after whatever legal parts.
        """

    @abstractmethod
    def backward_part_mask(self, states: States, chosen: Tensor) -> Tensor:
        """As ``part_mask`` for backward actions, bool [B, backward_parts[k]]; at k = 0 all False at the source only."""

    def legal_actions(self, states: States) -> tuple[Tensor, Tensor]:
        """See ``Enumerable.legal_actions``."""
        row, actions = _listed(states, self.parts, self.part_mask)
        on = ~self.is_exit(states[row], actions)
        return row[on], actions[on]

    def legal_backward_actions(self, states: States) -> tuple[Tensor, Tensor]:
        """See ``Enumerable.legal_backward_actions``."""
        return _listed(states, self.backward_parts, self.backward_part_mask)


def _listed(states: States, parts: tuple[int, ...], mask: Callable[[States, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """All legal choices of the parts: (row [m], actions [m, n]), sorted by row, then part by part."""
    row = torch.arange(len(states), device=states.device)
    chosen = row.new_empty(len(row), 0)
    for _ in parts:
        before, value = mask(states[row], chosen).nonzero(as_tuple=True)
        row, chosen = row[before], torch.cat([chosen[before], value[:, None]], 1)
    return row, chosen


def listed(environment: Environment, reader: str) -> ListedActions:
    """``environment`` where it has masks over a fixed number of actions.

    Raises:
        ConfigError: it has none; ``reader`` says what needs them.
    """
    if isinstance(environment, ListedActions):
        return environment
    raise ConfigError(
        f"{reader} reads masks over a fixed number of actions, which {type(environment).__name__} does not have (it is "
        "no environments.actions.ListedActions)"
    )
