"""What the best samples are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import PROPERTY, Scale, Scales


class TopK(Metric):
    """Mean of R(x) and of its property over the k unique valid objects with the highest R(x).

    It grows with the number of samples, so only numbers with as many samples compare. The key carries k; where fewer
    than k different objects were drawn there is no number; of a property that some of them lack the count says of how
    many it is.

    Args:
        k: how many of the best.
    """

    name: ClassVar[str] = "top_k"
    requires: ClassVar[frozenset[str]] = frozenset({"log_reward", "value"})
    reference: ClassVar[str] = "Gao et al., Sample Efficiency Matters (PMO), NeurIPS 2022, arXiv 2206.12411"
    scales: ClassVar[Scales] = {
        "top_k/*/value": PROPERTY,
        "top_k/*/reward": Scale("maximise", worst=0.0),
    }

    def __init__(self, *, k: Sequence[Annotated[int, Field(ge=1)]] = (1, 10, 100)) -> None:
        self.k = tuple(k)

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        out: dict[str, Reading] = {}
        for k in self.k:
            best = samples.unique[:k]
            for what, column in (("reward", samples.log_reward), ("value", samples.value)):
                key = f"top_k/k={k}/{what}"
                if column is None or len(best) < k:
                    out[key] = Reading.missing(f"only {len(best)} different objects were drawn")
                    continue
                values = np.exp(column[best]) if what == "reward" else column[best]
                known = values[~np.isnan(values)]
                none = Reading.missing("no object has a value")
                out[key] = Reading(float(known.mean()), count=len(known)) if len(known) else none
        return out
