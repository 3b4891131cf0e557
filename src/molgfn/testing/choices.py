"""How a check walks through an environment: uniform choices of what is legal, or the choices of a policy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.actions import ActionsInParts, ListedActions
from molgfn.environments.base import Environment, States
from molgfn.errors import ContractError
from molgfn.policies.distributions import Categorical

#: draws from a policy that stand for the actions of a state which cannot be listed
DRAWS = 8


class Choices(ABC):
    """Random legal actions of states, forward and backward, and whether given ones are legal."""

    @abstractmethod
    def draw(self, states: States, *, forward: bool) -> Tensor:
        """One legal action of each state, the exit among those of ``forward``, [B, ...]."""

    @abstractmethod
    def legal(self, states: States, actions: Tensor, *, forward: bool) -> Tensor:
        """bool [B]: the action is legal."""

    @abstractmethod
    def edges(self, states: States, *, forward: bool) -> tuple[Tensor, Tensor]:
        """(row [m], action [m, ...]) of legal actions without the exit: all of them where they can be listed."""


class OfMasks(Choices):
    """Of listed actions."""

    def __init__(self, environment: ListedActions, generator: torch.Generator) -> None:
        self.environment = environment
        self.generator = generator

    def mask(self, states: States, *, forward: bool) -> Tensor:
        """bool [B, A] or [B, A']."""
        return self.environment.forward_mask(states) if forward else self.environment.backward_mask(states)

    def draw(self, states: States, *, forward: bool) -> Tensor:
        return _uniform(self.mask(states, forward=forward), self.generator)

    def legal(self, states: States, actions: Tensor, *, forward: bool) -> Tensor:
        return self.mask(states, forward=forward).gather(1, actions[:, None]).squeeze(1)

    def edges(self, states: States, *, forward: bool) -> tuple[Tensor, Tensor]:
        environment = self.environment
        return environment.legal_actions(states) if forward else environment.legal_backward_actions(states)


class OfParts(Choices):
    """Of actions in parts, drawn part by part."""

    def __init__(self, environment: ActionsInParts, generator: torch.Generator) -> None:
        self.environment = environment
        self.generator = generator

    def _parts(self, *, forward: bool) -> tuple[tuple[int, ...], Callable[[States, Tensor], Tensor]]:
        e = self.environment
        return (e.parts, e.part_mask) if forward else (e.backward_parts, e.backward_part_mask)

    def draw(self, states: States, *, forward: bool) -> Tensor:
        sizes, mask = self._parts(forward=forward)
        chosen = torch.empty(len(states), 0, dtype=torch.int64)
        for size in sizes:
            here = mask(states, chosen)
            if here.shape != (len(states), size) or not here.any(1).all():
                name = type(self.environment).__name__
                raise ContractError(
                    f"{name}: the mask of part {chosen.shape[1]} has shape {tuple(here.shape)}, not "
                    f"{len(states), size}, or there is no legal action"
                )
            chosen = torch.cat([chosen, _uniform(here, self.generator)[:, None]], 1)
        return chosen

    def legal(self, states: States, actions: Tensor, *, forward: bool) -> Tensor:
        sizes, mask = self._parts(forward=forward)
        legal = torch.ones(len(states), dtype=torch.bool)
        for k in range(len(sizes)):
            rows = legal.nonzero().squeeze(1)  # a mask is asked only after legal parts
            here = mask(states[rows], actions[rows, :k]).gather(1, actions[rows, k : k + 1]).squeeze(1)
            legal = legal.index_put((rows,), here)
        return legal

    def edges(self, states: States, *, forward: bool) -> tuple[Tensor, Tensor]:
        environment = self.environment
        return environment.legal_actions(states) if forward else environment.legal_backward_actions(states)


class OfPolicy(Choices):
    """Of a policy, where actions cannot be listed."""

    def __init__(self, environment: Environment, policy: Any, generator: torch.Generator) -> None:
        self.environment = environment
        self.policy = policy
        self.generator = generator

    @torch.no_grad()
    def _distribution(self, states: States, *, forward: bool) -> Any:
        out = self.policy(states, forward=forward, backward=not forward)
        return out.forward if forward else out.backward

    def draw(self, states: States, *, forward: bool) -> Tensor:
        return self._distribution(states, forward=forward).sample(self.generator)

    def legal(self, states: States, actions: Tensor, *, forward: bool) -> Tensor:
        return self._distribution(states, forward=forward).log_prob(actions) > -1e6

    def edges(self, states: States, *, forward: bool) -> tuple[Tensor, Tensor]:
        if not forward:
            states_on = (~self.environment.is_initial(states)).nonzero().squeeze(1)
        else:
            states_on = torch.arange(len(states))
        row = states_on.repeat_interleave(DRAWS)
        actions = self.draw(states[row], forward=forward)
        if not forward:
            return row, actions
        on = ~self.environment.is_exit(states[row], actions)
        return row[on], actions[on]


def choices_of(environment: Environment, policy: Any, generator: torch.Generator) -> Choices:
    """As the environment's actions can be drawn.

    Raises:
        ContractError: they cannot be listed, and there is no policy to draw them.
    """
    if isinstance(environment, ListedActions):
        return OfMasks(environment, generator)
    if isinstance(environment, ActionsInParts):
        return OfParts(environment, generator)
    if policy is not None:
        return OfPolicy(environment, policy, generator)
    raise ContractError(
        f"{type(environment).__name__}: its actions cannot be listed (it is neither ListedActions nor ActionsInParts "
        "of environments.actions); give a policy of it that draws them"
    )


def _uniform(mask: Tensor, generator: torch.Generator) -> Tensor:
    return Categorical(torch.zeros(mask.shape), mask).sample(generator)
