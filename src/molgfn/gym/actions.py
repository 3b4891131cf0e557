"""Forward actions of any environment as one number each, with their masks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import prod
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.actions import ActionsInParts, ListedActions
from molgfn.environments.base import Environment, States
from molgfn.errors import ConfigError

#: most whole actions of several parts that are numbered
MOST_NUMBERED = 1_000_000


class NumberedActions(ABC):
    """Actions by number, in [0, ``count``)."""

    count: int

    @abstractmethod
    def mask(self, states: States) -> Tensor:
        """bool [B, count], the legal ones; at least one in every state."""

    @abstractmethod
    def actions(self, numbers: Tensor) -> Tensor:
        """The environment's actions [B, ...] with these numbers, int64 [B]."""


class _Listed(NumberedActions):
    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self.count = environment.n_actions

    def mask(self, states: States) -> Tensor:
        return self._environment.forward_mask(states)

    def actions(self, numbers: Tensor) -> Tensor:
        return numbers


class _InParts(NumberedActions):
    """Parts as digits of the number, the first of most weight."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._parts = torch.tensor(environment.parts)
        self._weights = torch.tensor([prod(environment.parts[k + 1 :]) for k in range(len(environment.parts))])
        self.count = prod(environment.parts)

    def mask(self, states: States) -> Tensor:
        e = self._environment
        row, actions = e.legal_actions(states)
        out = torch.zeros(len(states), self.count, dtype=torch.bool)
        out[row, (actions * self._weights).sum(1)] = True
        stop = e.stop_mask(states).nonzero().squeeze(1)
        out[stop, (e.exit_action(states)[stop] * self._weights).sum(1)] = True
        return out

    def actions(self, numbers: Tensor) -> Tensor:
        return numbers[:, None] // self._weights % self._parts


def numbered(environment: Environment) -> NumberedActions:
    """The actions of ``environment`` by number.

    Raises:
        ConfigError: they can neither be listed nor chosen part by part, or there are too many.
    """
    if isinstance(environment, ListedActions):
        return _Listed(environment)
    if not isinstance(environment, ActionsInParts):
        raise ConfigError(
            f"{type(environment).__name__}: its actions cannot be listed (it is neither ListedActions nor "
            "ActionsInParts of environments.actions), so they are no Discrete space"
        )
    if (count := prod(environment.parts)) > MOST_NUMBERED:
        raise ConfigError(
            f"{type(environment).__name__}: has {count:,} actions of {len(environment.parts)} parts, more than the "
            f"{MOST_NUMBERED:,} that are numbered; take a smaller one"
        )
    return _InParts(environment)
