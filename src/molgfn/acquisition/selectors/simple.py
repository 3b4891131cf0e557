"""What a batch is compared with: the most uncertain, members that cover the pool, chance."""

from __future__ import annotations

import numpy as np

from molgfn.acquisition.beliefs import Belief
from molgfn.acquisition.selectors.base import Selected, Selector


class TopK(Selector):
    """The members of which each alone would tell most (BALD), whatever they tell together.

    Args:
        shortlist: choose among so many candidates only, the best by the acquisition; None: among all.

    Reference: Houlsby et al. 2011, arXiv 1112.5745.
    """

    def select(self, belief: Belief, n: int, random: np.random.Generator) -> tuple[Selected, dict[str, float]]:
        alone = belief.information.alone()
        rows = np.argsort(-alone, kind="stable")[:n]
        return Selected(
            rows, [f"tells {alone[row]:.3g} nat by itself, of {len(belief):,}" for row in rows.tolist()]
        ), {}


class KCentre(Selector):
    """The most uncertain member first, then always the one that is farthest from those chosen, by how differently the
    model speaks of them (greedy k-centre: the largest distance is at most twice the least that there can be).

    Args:
        shortlist: choose among so many candidates only, the best by the acquisition; None: among all.

    Reference: Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5; Sener and Savarese 2018, arXiv 1708.00489.
    """

    def select(self, belief: Belief, n: int, random: np.random.Generator) -> tuple[Selected, dict[str, float]]:
        information = belief.information
        rows = [int(information.alone().argmax())]
        reasons = [f"the most uncertain of {len(belief):,}"]
        nearest = information.distances(rows[0])
        nearest[rows] = -1.0
        while len(rows) < n:
            row = int(nearest.argmax())
            reasons.append(f"at a distance of {nearest[row]:.3g} from the {len(rows)} chosen before")
            rows.append(row)
            nearest = np.minimum(nearest, information.distances(row))
            nearest[rows] = -1.0
        return Selected(np.array(rows, dtype=np.int64), reasons), {}


class RandomBatch(Selector):
    """Each candidate equally likely: what a selector is worth is seen beside this.

    Args:
        shortlist: choose among so many candidates only, the best by the acquisition; None: among all.
    """

    def select(self, belief: Belief, n: int, random: np.random.Generator) -> tuple[Selected, dict[str, float]]:
        rows = random.choice(len(belief), n, replace=False)
        return Selected(rows, [f"drawn at random from {len(belief):,} candidates"] * n), {}
