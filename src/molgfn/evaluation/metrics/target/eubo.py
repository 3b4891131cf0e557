"""The evidence upper bound, on given objects."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import Scale, Scales

PROXY = "a bound on log Z only where the objects were drawn from R / Z"


class EUBO(Metric):
    """Mean over held-out objects, and trajectories tau ~ P_B(.|x) to them, of log R(x) + log P_B(tau|x) - log P_F(tau).

    Over objects drawn from R / Z it is log Z + KL(P_B R / Z || P_F), at least log Z, and sees what P_F leaves out,
    which the ELBO does not. Held-out molecules are no such draw: ``eubo/heldout`` counts each alike (the authors' proxy
    EUBO), ``eubo/heldout/weighted`` in proportion to R, both with the percentile bootstrap. Where the space
    can be listed, ``exact/eubo`` is the bound itself.
    """

    name: ClassVar[str] = "eubo"
    requires: ClassVar[frozenset[str]] = frozenset({"heldout"})
    reference: ClassVar[str] = "Blessing et al., Beyond ELBOs, ICML 2024, arXiv 2406.07423; Ent-PPO, arXiv 2606.15793"
    scales: ClassVar[Scales] = {"eubo*": Scale("minimise", "nats")}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        given = samples.heldout
        if given is None or given.log_ratio is None:
            return {self.name: Reading.missing("no trajectories to held-out objects were kept")}
        terms = given.log_reward - given.log_ratio.mean(1)
        known = np.isfinite(terms)
        terms, log_reward = terms[known], given.log_reward[known]
        tail = f"N={given.trajectories}"
        if len(terms) < 2:
            return {f"eubo/heldout/{tail}": Reading.missing(f"{len(terms)} objects with log P_F; it takes two")}
        plain, weighted = (
            Reading.bootstrap(np.mean, terms),
            Reading.bootstrap(_weighted, terms, log_reward),
        )
        return {
            f"eubo/heldout/{tail}": replace(plain, note=PROXY),
            f"eubo/heldout/weighted/{tail}": replace(weighted, note=PROXY),
        }


def _weighted(terms: np.ndarray, log_reward: np.ndarray) -> float:
    """Mean of ``terms`` [K] with weights in proportion to R."""
    weight = np.exp(log_reward - log_reward.max())
    return float((weight * terms).sum() / weight.sum())
