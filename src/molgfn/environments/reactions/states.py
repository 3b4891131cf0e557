"""A batch of routes under construction."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.base import States


@dataclass(frozen=True)
class ReactionStates(States):
    """B routes, as numbers that mean the same in every process that has the library.

    Attributes:
        route: int64 [B, 1 + L (2 + P)] for at most L reactions of at most P partners: the block that it starts from
            (-1: nothing yet), then for each reaction its slot (-1: not run), the blocks in the other slots of the
            reaction in their order (-1: none), and which of its products is taken (-1: not chosen yet), products being
            sorted by canonical SMILES.
    """

    route: Tensor


@dataclass(frozen=True)
class RouteLayout:
    """Where things stand in a route.

    Attributes:
        reactions: L, most reactions.
        partners: P, most partners of a reaction.
    """

    reactions: int
    partners: int

    @property
    def width(self) -> int:
        """Numbers of a route."""
        return 1 + self.reactions * (2 + self.partners)

    def empty(self) -> tuple[int, ...]:
        """The route of the source."""
        return (-1,) * self.width

    def started(self, block: int) -> tuple[int, ...]:
        """From a block."""
        return (block, *self.empty()[1:])

    def run(
        self, route: tuple[int, ...], step: int, slot: int, partners: tuple[int, ...], product: int
    ) -> tuple[int, ...]:
        """``route`` of ``step`` reactions with one more."""
        start, blank = 1 + step * (2 + self.partners), (-1,) * (self.partners - len(partners))
        return (*route[:start], slot, *partners, *blank, product, *route[start + 2 + self.partners :])

    def taken(self, route: tuple[int, ...], step: int, product: int) -> tuple[int, ...]:
        """``route`` with the product of its reaction ``step`` chosen."""
        place = (step + 1) * (2 + self.partners)
        return (*route[:place], product, *route[place + 1 :])

    def moves(self, route: tuple[int, ...]) -> list[tuple[int, tuple[int, ...], int]]:
        """(slot, partners, product) of each reaction that was run."""
        size = 2 + self.partners
        steps = [route[1 + k * size : 1 + (k + 1) * size] for k in range(self.reactions)]
        return [(s[0], tuple(p for p in s[1:-1] if p >= 0), s[-1]) for s in steps if s[0] >= 0]

    def source(self, n: int, device: torch.device | str) -> ReactionStates:
        """``n`` times the source."""
        return ReactionStates(torch.full((n, self.width), -1, dtype=torch.int64, device=device))
