"""The atoms of a graph as slots."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from molgfn.environments.atoms.states import AtomStates
from molgfn.environments.slots import ActsAtSlots, without_gap


class SlotsOfAtoms(ActsAtSlots):
    """See ``ActsAtSlots``; atoms are slots, atoms and pairs of them (whose bond closes a ring) are places."""

    limits: Any
    tables: Any
    n_pairs: int
    n_options: int
    first_site: int

    @property
    def n_slots(self) -> int:
        return self.first_site

    def taken_slots(self, states: AtomStates) -> Tensor:
        return states.types > 0

    def filled_slot(self, states: AtomStates, actions: Tensor) -> Tensor:
        site = (actions - 1).clamp(min=0) // self.n_options
        return torch.where((actions > 0) & (site <= self.first_site), states.n, -1)

    def rebuilt_slots(self, backward_actions: Tensor, previous: AtomStates) -> Tensor:
        width = self.first_site
        order = without_gap(backward_actions.clamp(max=width - 1), previous.n, width)
        return torch.where((backward_actions < width)[:, None], order, torch.arange(width, device=order.device))

    def renumbered(self, actions: Tensor, slots: Tensor) -> Tensor:
        width, pairs = self.first_site, self.tables.on(actions.device).pairs
        site, option = (actions - 1).clamp(min=0) // self.n_options, (actions - 1).clamp(min=0) % self.n_options
        new = slots.gather(1, site.clamp(max=width - 1)[:, None]).squeeze(1)
        gone = (site < width) & (new < 0)
        if self.n_pairs:
            pair = (site - width - 1).clamp(min=0)
            ends = torch.stack([slots.gather(1, pairs[k][pair][:, None]).squeeze(1) for k in (0, 1)], 1)
            i, j = ends.amin(1).clamp(min=0), ends.amax(1)
            # pairs (0, 1), (0, 2) ... (N - 2, N - 1)
            number = i * width - i * (i + 1) // 2 + j - i - 1
            closes = site > width
            gone = gone | (closes & (ends < 0).any(1))
            new = torch.where(closes, width + 1 + number, torch.where(site == width, site, new))
        else:
            new = torch.where(site == width, site, new)
        named = 1 + new * self.n_options + option
        return torch.where(actions > 0, torch.where(gone, -1, named), actions)

    def places(self, device: torch.device | str = "cpu") -> Tensor:
        return (torch.arange(self.n_actions, device=device) - 1).div(self.n_options, rounding_mode="floor")
