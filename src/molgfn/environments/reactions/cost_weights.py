"""P_B of reactions by the cost of what each way back leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from molgfn.chemistry.reactions.search import RouteSearch
from molgfn.environments.reactions.environment import Reactions
from molgfn.environments.reactions.way_weights import WayWeights, Weigh


@dataclass(frozen=True)
class CostWeights(WayWeights):
    """``log w = -strength c / scale``, c the cost of the cheapest route that ends with this reaction.

    Attributes:
        strength: at least 0.
        scale: above 0, in the unit of prices; None: the standard deviation of the prices of all blocks.
        unknown_price: of a block that has none; None refuses it.
        unknown_yield: of a reaction that has none, in (0, 1].
    """

    name: ClassVar[str] = "cost_guided"
    strength: float
    scale: float | None
    unknown_price: float | None
    unknown_yield: float

    def unweighed(self, environment: Reactions) -> str | None:
        library = environment.library
        missing = np.isnan(library.prices())
        if self.unknown_price is None and missing.any():
            return (
                f"unknown_price: {missing.sum()} of {len(missing)} blocks of {library.about.name} have no price, such "
                f"as {library.blocks[int(missing.argmax())].smiles}; give one for such blocks"
            )
        if self.scale is None and self._spread(environment) == 0:
            return "scale: all blocks cost the same, so their prices have no standard deviation; give a number"
        return None

    def _spread(self, environment: Reactions) -> float:
        prices = environment.library.prices()
        return float(np.where(np.isnan(prices), self.unknown_price or 0.0, prices).std())

    def weigher(self, environment: Reactions) -> Weigh:
        library, inverse = environment.library, environment.inverse
        search = RouteSearch(
            library, unknown_price=self.unknown_price, unknown_yield=self.unknown_yield, inverse=inverse
        )
        factor = -self.strength / (self._spread(environment) if self.scale is None else self.scale)

        def weigh(smiles: str, reactions: int) -> np.ndarray:
            costs = []
            for origin in inverse.origins(smiles, reactions):
                before = search.exactly(origin.previous, reactions - 1)
                assert before is not None  # an origin can be reached
                partners = [library.blocks[block].smiles for block in origin.partners]
                costs.append(search.after(before[0], library.slots[origin.slot][0], partners))
            return factor * np.array(costs)

        return weigh
