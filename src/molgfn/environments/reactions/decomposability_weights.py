"""P_B of reactions by how surely what each way back leads to comes apart into blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from molgfn.environments.reactions.environment import Reactions
from molgfn.environments.reactions.way_weights import WayWeights, Weigh


@dataclass(frozen=True)
class DecomposabilityWeights(WayWeights):
    """``log w = strength d``, d the probability that taking the molecule before apart at random ends at a block.

    d(x, 0) = 1 of a block that a route may start from, else 0; d(x, n) is the mean of d(y, n - 1) over all molecules y
    from which one reaction with blocks leads to x, dead ends among them, and 0 where there is none. The first reaction
    of a route is taken back to a block, or not at all.

    Attributes:
        strength: at least 0.
    """

    name: ClassVar[str] = "decomposability_guided"
    strength: float

    def weigher(self, environment: Reactions) -> Weigh:
        inverse = environment.inverse

        @lru_cache(environment.remembered)
        def surely(smiles: str, reactions: int) -> float:
            if reactions < 2:
                return float(inverse.can_be_made(smiles, reactions))
            shares = [
                surely(candidate.previous, reactions - 1)
                for candidate in inverse.steps_back(smiles)
                if inverse.gives(candidate)
            ]
            return sum(shares) / len(shares) if shares else 0.0

        def weigh(smiles: str, reactions: int) -> np.ndarray:
            before = [origin.previous for origin in inverse.origins(smiles, reactions)]
            return self.strength * np.array([surely(name, reactions - 1) for name in before])

        return weigh
