"""How given objects are built, step by step, in an order that P_B draws, each step said in the object's own slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from molgfn.environments.actions import ListedActions, listed
from molgfn.environments.base import Environment, States
from molgfn.environments.conditional import ConditionalStates, without_condition
from molgfn.environments.slots import ActsAtSlots
from molgfn.policies.base import Policy
from molgfn.trajectories.sampler import Sampler


@dataclass(frozen=True)
class LeadWalks:
    """B walks of at most T steps; the exit is not counted among them.

    Attributes:
        start: B sources (under a condition, where there is one).
        actions: int64 [B, T], the steps in their order. Where slots are numbered, by the slots of the finished object;
            0 behind the last.
        fills: int64 [B, T], the slot of the finished object that each step fills, -1 where none.
        slots: int64 [B, W], the slot of the source in which each slot of the finished object is, -1 where it is not
            there yet; W = 1 and -1 where no slots are numbered.
        lengths: int64 [B].
    """

    start: States
    actions: Tensor
    fills: Tensor
    slots: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def steps(self) -> Tensor:
        """bool [B, T]: there is a step."""
        return torch.arange(self.actions.shape[1], device=self.lengths.device) < self.lengths[:, None]

    def map_rows(self, index: Tensor) -> Self:
        """The walks at ``index``."""
        return type(self)(
            self.start[index], self.actions[index], self.fills[index], self.slots[index], self.lengths[index]
        )


def slots_of(environment: Environment) -> ActsAtSlots | None:
    """The environment where its actions may be taken in another order (see ``ActsAtSlots``); None where not."""
    plain = without_condition(environment)
    return plain if isinstance(plain, ActsAtSlots) and plain.order_free else None


def bare(states: States) -> States:
    """The states without their condition."""
    return states.inner if isinstance(states, ConditionalStates) else states


def lead_walks(policy: Policy, terminal: States, generator: torch.Generator | None = None) -> LeadWalks:
    """One order of building, drawn from P_B, for each of B terminal states.

    Raises:
        ConfigError: the environment's actions cannot be listed by one number each.
    """
    environment = policy.environment
    listed(without_condition(environment), "an edit")
    t = Sampler(environment).backward(policy, terminal, generator=generator)
    n, lengths, device = len(t), t.lengths - 1, t.lengths.device
    first, width = t.last - lengths, max(int(lengths.max()), 1)
    actions = torch.zeros(n, width, dtype=torch.int64, device=device)
    fills = torch.full_like(actions, -1)
    slots = torch.full((n, 1), -1, dtype=torch.int64, device=device)
    start = t.states[first]
    if (numbered := slots_of(environment)) is None:
        inside = ~t.exits
        actions[t.trajectory[inside], t.step[inside]] = t.actions[inside]
        return LeadWalks(start, actions, fills, slots, lengths)
    names = torch.arange(numbered.n_slots, device=device).repeat(n, 1)
    for back in range(width):  # from the finished object on, so that its slots are those that are named
        row = (lengths > back).nonzero().squeeze(1)
        at = (t.last - 1 - back)[row]
        before, step = bare(t.states[at]), (lengths - 1 - back)[row]
        names[row] = names[row].gather(1, numbered.rebuilt_slots(t.backward_actions[at], before))
        own = names[row]
        actions[row, step] = numbered.renumbered(t.actions[at], own)
        filled = numbered.filled_slot(before, t.actions[at])
        named = own.gather(1, filled.clamp(min=0)[:, None]).squeeze(1)
        fills[row, step] = torch.where(filled < 0, -1, named)
    there = numbered.taken_slots(bare(start))
    own = torch.arange(names.shape[1], device=device).expand_as(names)
    slots = torch.full_like(names, -1).scatter(1, names, torch.where(there, own, -1))
    return LeadWalks(start, actions, fills, slots, lengths)


def forward_mask(environment: Environment, states: States) -> Tensor:
    """bool [B, A] of the environment, whatever condition the states are under."""
    plain: ListedActions = listed(without_condition(environment), "an edit")
    return plain.forward_mask(bare(states))
