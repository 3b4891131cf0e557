"""The best route of a molecule: over all that a library has, up to a number of reactions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.route import Route, step_cost
from molgfn.chemistry.reactions.step import Step
from molgfn.errors import ConfigError

#: molecules whose best routes are remembered
_REMEMBERED = 200_000


class RouteSearch:
    """Dynamic programming over the precursors of a molecule: exact among the routes that inverted templates find.

    A route is linear, and may be as long as ``max_steps``; a block needs none. Where ``library.inversion_exact`` is
    not true, routes may be missed, and what is found is an upper bound.

    Args:
        library: blocks and reactions.
        best: ``cheapest`` or ``shortest``; among equals the first by reaction and reactants.
        max_steps: most reactions, at least 0.
        unknown_price: as of ``Route.cost``.
        unknown_yield: as of ``Route.cost``.

    Raises:
        ConfigError: for ``cheapest``, a block has no price and ``unknown_price`` is None.
    """

    def __init__(
        self,
        library: ReactionLibrary,
        *,
        best: Literal["cheapest", "shortest"] = "cheapest",
        max_steps: int = 4,
        unknown_price: float | None = None,
        unknown_yield: float = 1.0,
    ) -> None:
        self.library, self.max_steps = library, max_steps
        self._prices = {block.smiles: unknown_price if block.price is None else block.price for block in library.blocks}
        self._yields = [unknown_yield if r.yield_ is None else r.yield_ for r in library.reactions]
        if best == "cheapest" and (missing := [smiles for smiles, price in self._prices.items() if price is None]):
            raise ConfigError(
                f"unknown_price: {len(missing)} of {len(library.blocks)} blocks of {library.about.name} have no price, "
                f"such as {missing[0]}; give one for such blocks"
            )
        self._cheapest = best == "cheapest"
        self._best = lru_cache(_REMEMBERED)(self._find)

    def route(self, smiles: str) -> Route | None:
        """The best route to a canonical SMILES; None where there is none within ``max_steps``."""
        found = self._best(smiles, self.max_steps)
        return None if found is None else found[1]

    def value(self, smiles: str) -> float | None:
        """Cost, or number of reactions, of the best route; None where there is none."""
        found = self._best(smiles, self.max_steps)
        return None if found is None else found[0]

    def _price(self, smiles: str) -> float:
        price = self._prices[smiles]
        assert price is not None  # refused by the constructor
        return price

    def _after(self, before: float, step: Step, partners: Sequence[str]) -> float:
        if not self._cheapest:
            return before + 1.0
        return step_cost(before, [self._price(partner) for partner in partners], self._yields[step.reaction])

    def _find(self, smiles: str, steps: int) -> tuple[float, Route] | None:
        found: tuple[float, Route] | None = None
        if self.library.block_index(smiles) is not None:
            found = (self._price(smiles) if self._cheapest else 0.0), Route(smiles)
        if steps == 0 or (found is not None and not self._cheapest):
            return found
        for step in self.library.proposals(smiles):
            for present in dict.fromkeys(step.reactants):
                others = list(step.reactants)
                others.remove(present)
                if any(self.library.block_index(other) is None for other in others):
                    continue
                before = self._best(present, steps - 1)
                if before is None:
                    continue
                value = self._after(before[0], step, others)
                if found is not None and value >= found[0]:
                    continue
                # asked last and of few: running a reaction costs most
                if smiles in self.library.products(step.reaction, step.reactants):
                    found = value, Route(before[1].block, (*before[1].steps, step))
        return found
