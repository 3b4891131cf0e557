"""How molecules can be taken apart: by which reactions, in how many steps, along how many routes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.step import Step

#: reactions of a route from which on the molecule before the last one may be any (see ``ReactionLibrary.proposals``)
_ANY = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reaction out of which a molecule may come, not yet run forwards again.

    Attributes:
        slot: which the molecule before fills, one of all S.
        partners: the blocks in the other slots of the reaction, in their order.
        previous: canonical SMILES of the molecule before.
        step: the reaction with its reactants.
    """

    slot: int
    partners: tuple[int, ...]
    previous: str
    step: Step


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
    molecule again is looked at last, as it costs most and few are left to ask; and of the first reaction of a route all
    reactants are blocks, so that nearly all that templates propose is refused by its weight alone.

    Args:
        library: blocks and reactions.
        starts: bool [n_blocks], blocks that a route of no reaction may be; None: all.
    """

    def __init__(self, library: ReactionLibrary, starts: np.ndarray | None = None) -> None:
        self.library, self._starts = library, starts
        self._first_slot = [library.slots.index((reaction.index, 0)) for reaction in library.reactions]
        self.clear()

    def clear(self) -> None:
        """Forget all answers."""
        self._candidates: dict[tuple[str, int], tuple[Candidate, ...]] = {}
        self._made: dict[tuple[str, int], bool] = {}
        self._routes: dict[tuple[str, int], int] = {}

    def candidates(self, smiles: str, reactions: int) -> tuple[Candidate, ...]:
        """Reactions that may be the last of ``reactions`` (>= 1) to a molecule, sorted by slot, blocks, SMILES.

        All that are the last of such a route are among them; the fewer reactions, the fewer others.
        """
        level = min(reactions, _ANY)
        for known in range(level, _ANY + 1):  # those of a longer route hold them
            if (found := self._candidates.get((smiles, known))) is not None:
                return found
        found = self._candidates[smiles, level] = tuple(sorted(self._propose(smiles, level), key=_order))
        return found

    def steps_back(self, smiles: str) -> tuple[Candidate, ...]:
        """Reactions that may give a molecule from any other one and blocks, no route to which need be there."""
        return self.candidates(smiles, _ANY)

    def _propose(self, smiles: str, level: int) -> list[Candidate]:
        library, found = self.library, []
        for step in library.proposals(smiles, level):
            blocks = [library.block_index(reactant) for reactant in step.reactants]
            for k, previous in enumerate(step.reactants):
                partners = (*blocks[:k], *blocks[k + 1 :])
                if None not in partners:
                    slot = self._first_slot[step.reaction] + k
                    found.append(Candidate(slot, partners, previous, step))  # type: ignore[arg-type]
        return found

    def products(self, candidate: Candidate) -> tuple[str, ...]:
        """What the reaction gives, sorted."""
        return self.library.products(candidate.step.reaction, candidate.step.reactants)

    def gives(self, candidate: Candidate) -> bool:
        """Whether the reaction that was run backwards gives the molecule again."""
        return candidate.step.product in self.products(candidate)

    def _is_origin(self, candidate: Candidate, reactions: int) -> bool:
        """Whether it is the last of a route of so many reactions."""
        return self.can_be_made(candidate.previous, reactions - 1) and self.gives(candidate)

    def can_be_made(self, smiles: str, reactions: int) -> bool:
        """By a route of exactly so many reactions."""
        if reactions == 0:
            block = self.library.block_index(smiles)
            return block is not None and (self._starts is None or bool(self._starts[block]))
        key = (smiles, reactions)
        found = self._made.get(key)
        if found is None:
            candidates = self.candidates(smiles, reactions)
            found = self._made[key] = any(self._is_origin(candidate, reactions) for candidate in candidates)
        return found

    def origins(self, smiles: str, reactions: int) -> list[Origin]:
        """The last reactions of all routes of exactly so many reactions, at least one, to the molecule."""
        found = []
        for candidate in self.candidates(smiles, reactions):
            if self._is_origin(candidate, reactions):
                products = self.products(candidate)
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
            here = [c for c in self.candidates(smiles, reactions) if self._is_origin(c, reactions)]
            found = self._routes[key] = sum(self.routes(c.previous, reactions - 1) for c in here)
        return found


def _order(candidate: Candidate) -> tuple[int, tuple[int, ...], str]:
    return candidate.slot, candidate.partners, candidate.previous
