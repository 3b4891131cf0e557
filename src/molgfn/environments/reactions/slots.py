"""What is legal, from tables of what fits where: no chemistry here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.environments.reactions.nodes import CHOICE, CHOOSE, MOLECULE, REACT, SOURCE, START, STOP, Nodes


@dataclass(frozen=True)
class Facts:
    """About B states, on the CPU.

    Attributes:
        kind: int64 [B], ``SOURCE``, ``MOLECULE`` or ``CHOICE``.
        steps: int64 [B], reactions that were run.
        slots: bool [B, S], slots whose reaction may be run.
        products: int64 [B], how many products a choice has.
        stop: bool [B], the exit is legal.
    """

    kind: Tensor
    steps: Tensor
    slots: Tensor
    products: Tensor
    stop: Tensor

    @classmethod
    def of(cls, nodes: Nodes, numbers: np.ndarray, fewest: int, most: int) -> Self:
        """Of nodes by number, with routes of ``fewest`` to ``most`` reactions."""
        columns = nodes.columns(numbers)
        kind, steps = (torch.from_numpy(columns[:, k]) for k in (0, 2))
        choice = (columns[:, 0] == CHOICE).nonzero()[0].tolist()
        products = torch.zeros_like(kind)
        for row in choice:
            products[row] = len(nodes.nodes[numbers[row]].products)
        is_molecule = kind == MOLECULE
        slots = _fits(nodes, columns[:, 1], is_molecule & (steps < most))
        stuck = ~slots.any(1) & (steps > 0)
        stop = (is_molecule & ((steps >= fewest) | stuck)) | ((kind == CHOICE) & (products == 0))
        return cls(kind, steps, slots, products, stop)

    @property
    def chooses(self) -> Tensor:
        """bool [B], something else than to stop is legal."""
        return (self.kind == SOURCE) | (self.products > 0) | self.slots.any(1)

    def __getitem__(self, rows: Tensor) -> Self:
        """Those of the states ``rows`` int64 [m]."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))


def _fits(nodes: Nodes, molecules: np.ndarray, going_on: Tensor) -> Tensor:
    """bool [B, S], slots that molecules by number fit; none where it does not go on, and nothing is looked for."""
    found = torch.zeros(len(molecules), len(nodes.library.slots), dtype=torch.bool)
    there = going_on.nonzero().squeeze(1)
    found[there] = torch.from_numpy(nodes.table.fits(molecules[there.numpy()]))
    return found


class SlotTables:
    """Which blocks go where.

    Args:
        library: with S slots and N blocks.

    Attributes:
        fits: bool [S, N], blocks that fit a slot.
        partners: P, most partners of a reaction, at least 1.
        open: bool [S] (numpy), slots whose reaction has a block for each other slot.
        others: int64 [S, P], the slots that partners fill, in their order; -1 where there is none.
        starts: bool [N] (numpy), blocks that fit an open slot.
        meaning: int64 [3 + S] (numpy), how many partner parts have a meaning after each first part of an action.
        n_actions: reactions that can be run on all blocks together.
        most_actions: a bound for those of any molecule: all slots with all partners.
    """

    def __init__(self, library: ReactionLibrary) -> None:
        self.fits = torch.from_numpy(np.ascontiguousarray(library.block_fits))
        self.partners = max(max(reaction.slots for reaction in library.reactions) - 1, 1)
        number = {slot: i for i, slot in enumerate(library.slots)}
        self.others = torch.full((len(library.slots), self.partners), -1)
        for i, (reaction, place) in enumerate(library.slots):
            rest = [number[reaction, k] for k in range(library.reactions[reaction].slots) if k != place]
            self.others[i, : len(rest)] = torch.tensor(rest, dtype=torch.int64)
        filled: Any = library.block_fits.any(1)
        there: Any = self.others.numpy()
        self.open: np.ndarray = ((there < 0) | filled[there]).all(1)
        self.starts: np.ndarray = np.asarray(library.block_fits[self.open].any(0))
        self.meaning: np.ndarray = np.concatenate([[0, 1, 1], (there >= 0).sum(1)])
        counts = library.block_fits.sum(1)
        choices = np.where(there >= 0, counts[there], 1).prod(1) * self.open
        self.n_actions = int((counts * choices).sum())
        self.most_actions = int(choices.sum())

    @property
    def sets(self) -> Tensor:
        """bool [S + 1, N]: ``fits``, then ``starts``."""
        return torch.cat([self.fits, torch.from_numpy(self.starts)[None]])

    def may_stop(self, facts: Facts) -> Tensor:
        """bool [B]."""
        return facts.stop

    def part(self, facts: Facts, chosen: Tensor, parts: tuple[int, ...]) -> Tensor:
        """Legal values of the next part of an action after ``chosen`` int64 [B, k], bool [B, parts[k]]."""
        k = chosen.shape[1]
        mask = torch.zeros(len(chosen), parts[k], dtype=torch.bool)
        if k == 0:
            mask[:, STOP] = facts.stop
            mask[:, START] = facts.kind == SOURCE
            mask[:, CHOOSE] = facts.products > 0
            mask[:, REACT:] = facts.slots
            return mask
        what = chosen[:, 0]
        meaningless = torch.from_numpy(self.meaning)[what] < k
        mask[:, 0] = meaningless
        blocks = self.fits.shape[1]
        slot = self.others[(what - REACT).clamp(min=0), k - 1]
        reacts = (what >= REACT) & ~meaningless
        if reacts.any():
            mask[reacts, :blocks] = self.fits[slot[reacts]]
        if k == 1:
            starts = what == START
            mask[starts, :blocks] = torch.from_numpy(self.starts)
            chooses = what == CHOOSE
            mask[chooses] = torch.arange(parts[k]) < facts.products[chooses, None]
        return mask
