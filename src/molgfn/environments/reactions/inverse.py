"""How molecules can be taken apart: by which reactions, in how many steps, along how many routes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molgfn.chemistry.reactions.library import ReactionLibrary


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
    reaction from which no route leads back to a block is no origin: the recursion runs over precursors, each of which
    has been run forwards again by the library.

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
        self._proposed: dict[str, tuple[Origin, ...]] = {}
        self._made: dict[tuple[str, int], bool] = {}
        self._routes: dict[tuple[str, int], int] = {}

    def proposed(self, smiles: str) -> tuple[Origin, ...]:
        """All reactions that give the molecule out of any molecule and blocks, sorted by slot, partners and SMILES."""
        found = self._proposed.get(smiles)
        if found is None:
            found = self._proposed[smiles] = tuple(sorted(self._propose(smiles), key=_order))
        return found

    def _propose(self, smiles: str) -> list[Origin]:
        library, found = self._library, []
        for step in library.precursors(smiles):
            products = library.products(step.reaction, step.reactants)
            blocks = [library.block_index(reactant) for reactant in step.reactants]
            for k, previous in enumerate(step.reactants):
                partners = (*blocks[:k], *blocks[k + 1 :])
                if None not in partners:
                    slot = self._first_slot[step.reaction] + k
                    found.append(Origin(slot, partners, previous, products.index(smiles), len(products)))  # type: ignore[arg-type]
        return found

    def can_be_made(self, smiles: str, reactions: int) -> bool:
        """By a route of exactly so many reactions."""
        if reactions == 0:
            block = self._library.block_index(smiles)
            return block is not None and bool(self._starts[block])
        key = (smiles, reactions)
        found = self._made.get(key)
        if found is None:
            found = any(self.can_be_made(o.previous, reactions - 1) for o in self.proposed(smiles))
            self._made[key] = found
        return found

    def origins(self, smiles: str, reactions: int) -> list[Origin]:
        """The last reactions of all routes of exactly so many reactions, at least one, to the molecule."""
        return [o for o in self.proposed(smiles) if self.can_be_made(o.previous, reactions - 1)]

    def routes(self, smiles: str, reactions: int) -> int:
        """How many routes of exactly so many reactions there are."""
        if reactions == 0:
            return int(self.can_be_made(smiles, 0))
        key = (smiles, reactions)
        found = self._routes.get(key)
        if found is None:
            found = sum(self.routes(o.previous, reactions - 1) for o in self.proposed(smiles))
            self._routes[key] = found
        return found


def _order(origin: Origin) -> tuple[int, tuple[int, ...], str]:
    return origin.slot, origin.partners, origin.previous
