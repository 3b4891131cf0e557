"""The nodes of a tree of fragments as slots."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.fragments.states import FragmentStates
from molgfn.environments.slots import ActsAtSlots, without_gap


class NodeSlots(ActsAtSlots):
    """See ``ActsAtSlots``; nodes are slots, sites (a node and its point) are places.

    What can stand in for joining a fragment at a point of a node is to join it, by the same arm, at another point of
    that node: so the branches of a fragment go on after another one has taken its place.
    """

    max_fragments: int
    n_points: int
    n_arms: int
    start_site: int

    @property
    def n_slots(self) -> int:
        return self.max_fragments

    def taken_slots(self, states: FragmentStates) -> Tensor:
        return torch.arange(self.max_fragments, device=states.n.device) < states.n[:, None]

    def filled_slot(self, states: FragmentStates, actions: Tensor) -> Tensor:
        return torch.where(actions > 0, states.n, -1)

    def rebuilt_slots(self, backward_actions: Tensor, previous: FragmentStates) -> Tensor:
        return without_gap(backward_actions, previous.n, self.max_fragments)

    def renumbered(self, actions: Tensor, slots: Tensor) -> Tensor:
        site, arm = (actions - 1).clamp(min=0) // self.n_arms, (actions - 1).clamp(min=0) % self.n_arms
        at_node = (actions > 0) & (site != self.start_site)
        node = slots.gather(1, (site // self.n_points).clamp(max=self.max_fragments - 1)[:, None]).squeeze(1)
        named = 1 + (node * self.n_points + site % self.n_points) * self.n_arms + arm
        return torch.where(at_node, torch.where(node < 0, -1, named), actions)

    def places(self, device: torch.device | str = "cpu") -> Tensor:
        return (torch.arange(self.n_actions, device=device) - 1).div(self.n_arms, rounding_mode="floor")

    def stand_ins(self, actions: Tensor) -> Tensor:
        index = torch.arange(self.n_actions, device=actions.device) - 1
        node, arm = index // self.n_arms // self.n_points, index % self.n_arms
        own = (actions - 1).clamp(min=0)
        same = (node == (own // self.n_arms // self.n_points)[:, None]) & (arm == (own % self.n_arms)[:, None])
        return same & (index >= 0) & (node < self.max_fragments) & (actions > 0)[:, None]
