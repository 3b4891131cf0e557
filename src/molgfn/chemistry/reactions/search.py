"""The best route of a molecule: over all that a library has, up to a number of reactions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from molgfn.chemistry.reactions.inverse import Inverse
from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.route import Route, step_cost
from molgfn.errors import ConfigError

#: molecules whose best routes are remembered
_REMEMBERED = 200_000


class RouteSearch:
    """Dynamic programming over the precursors of a molecule: exact among the routes that inverted templates find.

    A route is linear, and may be as long as ``max_steps``; a block needs none. Where ``library.inversion_exact`` is
    not true, routes may be missed, and what is found is an upper bound.

    Args:
        library: blocks and reactions.
        best: ``cheapest`` or ``shortest``; among equals that of fewest reactions, then the first by slot and blocks.
        max_steps: most reactions, at least 0.
        unknown_price: as of ``Route.cost``.
        unknown_yield: as of ``Route.cost``.
        inverse: of the library, where there is one that knows molecules already; None: its own.

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
        inverse: Inverse | None = None,
    ) -> None:
        self.library, self.max_steps = library, max_steps
        self._inverse = Inverse(library) if inverse is None else inverse
        self._prices = {block.smiles: unknown_price if block.price is None else block.price for block in library.blocks}
        self._yields = [unknown_yield if r.yield_ is None else r.yield_ for r in library.reactions]
        if best == "cheapest" and (missing := [smiles for smiles, price in self._prices.items() if price is None]):
            raise ConfigError(
                f"unknown_price: {len(missing)} of {len(library.blocks)} blocks of {library.about.name} have no price, "
                f"such as {missing[0]}; give one for such blocks"
            )
        self._cheapest = best == "cheapest"
        self.exactly = lru_cache(_REMEMBERED)(self._exactly)

    def route(self, smiles: str) -> Route | None:
        """The best route to a canonical SMILES; None where there is none within ``max_steps``."""
        found = self._best(smiles)
        return None if found is None else found[1]

    def value(self, smiles: str) -> float | None:
        """Cost, or number of reactions, of the best route; None where there is none."""
        found = self._best(smiles)
        return None if found is None else found[0]

    def _best(self, smiles: str) -> tuple[float, Route] | None:
        found: tuple[float, Route] | None = None
        for steps in range(self.max_steps + 1):
            here = self.exactly(smiles, steps)
            if here is not None and (found is None or here[0] < found[0]):
                found = here
            if found is not None and not self._cheapest:
                break
        return found

    def _price(self, smiles: str) -> float:
        price = self._prices[smiles]
        assert price is not None  # refused by the constructor
        return price

    def after(self, before: float, reaction: int, partners: Sequence[str]) -> float:
        """Cost, or number of reactions, after one more reaction with these blocks beside what was there."""
        if not self._cheapest:
            return before + 1.0
        return step_cost(before, [self._price(partner) for partner in partners], self._yields[reaction])

    def _exactly(self, smiles: str, steps: int) -> tuple[float, Route] | None:
        """Value and route of the best of exactly so many reactions; None where there is none."""
        if steps == 0:
            known = self.library.block_index(smiles) is not None
            return ((self._price(smiles) if self._cheapest else 0.0), Route(smiles)) if known else None
        found: tuple[float, Route] | None = None
        for candidate in self._inverse.candidates(smiles, steps):
            before = self.exactly(candidate.previous, steps - 1)
            if before is None:
                continue
            partners = [self.library.blocks[block].smiles for block in candidate.partners]
            value = self.after(before[0], candidate.step.reaction, partners)
            # asked last and of few: running a reaction costs most
            if (found is None or value < found[0]) and self._inverse.gives(candidate):
                found = value, Route(before[1].block, (*before[1].steps, candidate.step))
        return found
