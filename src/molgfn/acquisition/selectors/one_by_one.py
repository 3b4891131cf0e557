"""Batches member by member: greedy BatchBALD, and its stochastic form."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from molgfn.acquisition.beliefs import Belief
from molgfn.acquisition.selectors.base import Count, Selected, Selector


class _OneByOne(Selector):
    """Each member the one that adds most, given those before it."""

    @abstractmethod
    def _order(self, gains: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """What is compared, of the gains [n] in nats."""

    def select(self, belief: Belief, n: int, random: np.random.Generator) -> tuple[Selected, dict[str, float]]:
        gains, left = belief.information.gains(), np.ones(len(belief), dtype=bool)
        rows, reasons = [], []
        for number in range(n):
            values = gains.values()
            row = int(np.where(left, self._order(values, random), -np.inf).argmax())
            reasons.append(f"adds {values[row]:.3g} nat to the {number} chosen before; {len(belief) - number:,} left")
            rows.append(row)
            left[row] = False
            if number + 1 < n:
                gains.take(row)
        return Selected(np.array(rows, dtype=np.int64), reasons), {}


class Greedy(_OneByOne):
    """The member that adds most to the joint information, again and again: at least 1 - 1/e of the best batch.

    Of normal outcomes by a Cholesky factorisation, O(n k^2) for k of n candidates; of labels by all outcomes of the
    chosen ones while they are few, then by drawn ones.

    Args:
        shortlist: choose among so many candidates only, the best by the acquisition; None: among all.

    Reference: Kirsch et al. 2019, arXiv 1906.08158, algorithm 1; Nemhauser et al. 1978, doi:10.1007/BF01588971.
    """

    def _order(self, gains: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return gains


class Stochastic(_OneByOne):
    """As greedy, but each member is drawn in proportion to its gain to the power of ``beta`` (Gumbel noise on beta log
    gain).

    Args:
        beta: 0 draws all alike; the larger, the greedier.
        shortlist: choose among so many candidates only, the best by the acquisition; None: among all.

    Reference: Kirsch et al. 2023, arXiv 2106.12059, section 3 (power acquisition), here on the joint information.
    """

    def __init__(self, *, beta: float = 1.0, shortlist: Count | None = None) -> None:
        super().__init__(shortlist=shortlist)
        self.beta = beta

    def _order(self, gains: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return self.beta * np.log(np.maximum(gains, 1e-300)) + random.gumbel(size=len(gains))
