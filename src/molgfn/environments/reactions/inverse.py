"""How molecules can be taken apart: by which reactions, in how many steps, along how many routes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.step import Step


@dataclass(frozen=True, slots=True)
class Origin:
    """One reaction that gives a molecule, seen from the molecule that was there before.

    Attributes:
        slot: which the molecule before fills, one of all S.
        partners: the blocks in the other slots of the reaction, in their order.
        previous: canonical SMILES of the molecule before.
        product: which of the products of the reaction it is, sorted by SMILES.
        products: how many there are.
    """

    slot: int
    partners: tuple[int, ...]
    previous: str
    product: int
    products: int


class Inverse:
    """Answers about molecules by inverting reactions, remembered.

    A route of n reactions is a block and n reactions, each with blocks in all slots but that of the molecule before. A
    reaction from which no route leads back to a block is no origin. Whether a template that was run backwards gives the
    molecule again is looked at last, as it costs most and few are left to ask.

    Args:
        library: blocks and reactions.
        starts: bool [n_blocks], blocks that a route may start from.
    """

    def __init__(self, library: ReactionLibrary, starts: np.ndarray) -> None:
        self._library, self._starts = library, starts
        self._first_slot = [library.slots.index((reaction.index, 0)) for reaction in library.reactions]
        self.clear()

    def clear(self) -> None:
        """Forget all answers."""
        self._candidates: dict[str, tuple[_Candidate, ...]] = {}
        self._made: dict[tuple[str, int], bool] = {}
        self._routes: dict[tuple[str, int], int] = {}

    def candidates(self, smiles: str) -> tuple[_Candidate, ...]:
        """All reactions that may give the molecule out of any molecule and blocks, sorted by slot, blocks, SMILES."""
        found = self._candidates.get(smiles)
        if found is None:
            found = self._candidates[smiles] = tuple(sorted(self._propose(smiles), key=_order))
        return found

    def _propose(self, smiles: str) -> list[_Candidate]:
        library, found = self._library, []
        for step in library.proposals(smiles):
            blocks = [library.block_index(reactant) for reactant in step.reactants]
            for k, previous in enumerate(step.reactants):
                partners = (*blocks[:k], *blocks[k + 1 :])
                if None not in partners:
                    slot = self._first_slot[step.reaction] + k
                    found.append(_Candidate(slot, partners, previous, step))  # type: ignore[arg-type]
        return found

    def _products(self, candidate: _Candidate) -> tuple[str, ...]:
        return self._library.products(candidate.step.reaction, candidate.step.reactants)

    def _is_origin(self, candidate: _Candidate, reactions: int) -> bool:
        """Whether it is the last of a route of so many reactions."""
        reached = self.can_be_made(candidate.previous, reactions - 1)
        return reached and candidate.step.product in self._products(candidate)

    def can_be_made(self, smiles: str, reactions: int) -> bool:
        """By a route of exactly so many reactions."""
        if reactions == 0:
            block = self._library.block_index(smiles)
            return block is not None and bool(self._starts[block])
        key = (smiles, reactions)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = any(self._is_origin(c, reactions) for c in self.candidates(smiles))
        return found

    def origins(self, smiles: str, reactions: int) -> list[Origin]:
        """The last reactions of all routes of exactly so many reactions, at least one, to the molecule."""
        found = []
        for candidate in self.candidates(smiles):
            if self._is_origin(candidate, reactions):
                products = self._products(candidate)
                number = products.index(smiles)
                found.append(Origin(candidate.slot, candidate.partners, candidate.previous, number, len(products)))
        return found

    def routes(self, smiles: str, reactions: int) -> int:
        """How many routes of exactly so many reactions there are."""
        if reactions == 0:
            return int(self.can_be_made(smiles, 0))
        key = (smiles, reactions)
        found = self._routes.get(key)
        if found is None:
            here = [c for c in self.candidates(smiles) if self._is_origin(c, reactions)]
            found = self._routes[key] = sum(self.routes(c.previous, reactions - 1) for c in here)
        return found


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A reaction out of which the molecule may come; see ``Origin``."""

    slot: int
    partners: tuple[int, ...]
    previous: str
    step: Step


def _order(candidate: _Candidate) -> tuple[int, tuple[int, ...], str]:
    return candidate.slot, candidate.partners, candidate.previous
