"""How many objects that are far from each other: all of them, or the good ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from molgfn.chemistry.fingerprints import tanimoto
from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import COUNT, Scales
from molgfn.evaluation.thresholds import condition, reached
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasFingerprints


class Modes(Metric):
    """Objects with a good value, taken greedily from the best, each with Tanimoto < cut to all taken before it.

    Good is value >= threshold, or value <= threshold where the oracle is to be minimised. The order is by R(x), best
    first; the similarity is that of fingerprints (of molecules Morgan, radius 2, 2048 bits). Threshold and cut are in
    the key, because the number means nothing without them. It grows with the number of samples.

    Args:
        thresholds: values of the property that R is made of from which an object is good, one count each.
        cut: two objects at least this similar belong to one mode.
    """

    name: ClassVar[str] = "modes"
    requires: ClassVar[frozenset[str]] = frozenset({"log_reward", "value"})
    kinds: ClassVar[type[ObjectKind]] = HasFingerprints
    reference: ClassVar[str] = "Bengio et al., Flow network based generative models, NeurIPS 2021, arXiv 2106.04399"
    scales: ClassVar[Scales] = {"modes/*": COUNT}

    def __init__(
        self, *, thresholds: Sequence[float] = (0.7, 0.8), cut: Annotated[float, Field(gt=0, le=1)] = 0.7
    ) -> None:
        self.thresholds = tuple(thresholds)
        self.cut = cut

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        out = {}
        for threshold in self.thresholds:
            good = np.flatnonzero(reached(self._values(samples), threshold, samples.scored.direction))
            kept = greedy_modes(samples.fingerprints[good], self.cut)
            key = f"modes/{condition(threshold, samples.scored.direction)}/tanimoto<{self.cut:g}"
            out[key] = Reading(float(len(kept)), count=len(good))
        return out

    def _values(self, samples: Samples) -> np.ndarray:
        """Values of the unique objects, NaN without one."""
        return np.full(len(samples.unique), np.nan) if samples.value is None else samples.value[samples.unique]


class Circles(Metric):
    """#Circles: how many different objects are taken greedily, best R(x) first, each with Tanimoto < cut to all before.

    It counts how many neighbourhoods were reached, so that a further object never lowers it, as it may lower a mean
    distance. What is taken is a packing that no other object fits into, not the largest one: the number is a lower
    bound. Fingerprints as for modes. It grows with the number of samples n.

    Args:
        cut: two objects at least this similar lie in one circle; .3 is a distance of .7.
    """

    name: ClassVar[str] = "circles"
    kinds: ClassVar[type[ObjectKind]] = HasFingerprints
    reference: ClassVar[str] = "Xie et al., How much space has been explored?, ICLR 2023, arXiv 2112.12542"
    scales: ClassVar[Scales] = {"circles/*": COUNT}

    def __init__(self, *, cut: Annotated[float, Field(gt=0, le=1)] = 0.3) -> None:
        self.cut = cut

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        kept, n = greedy_modes(samples.fingerprints, self.cut), len(samples)
        return {f"circles/tanimoto<{self.cut:g}/n={n}": Reading(float(len(kept)), count=len(samples.unique))}


def greedy_modes(bits: np.ndarray, cut: float) -> list[int]:
    """Rows of ``bits`` [U, 2048] kept when each is kept only if its similarity to all kept before is below ``cut``.

    One row of similarities per mode, not per pair: whatever is near a new mode is struck out at once.
    """
    alive = np.ones(len(bits), dtype=bool)
    kept = []
    for i in range(len(bits)):
        if not alive[i]:
            continue
        kept.append(i)
        rest = i + 1 + np.flatnonzero(alive[i + 1 :])
        if len(rest):
            alive[rest[tanimoto(bits[i : i + 1], bits[rest])[0] >= cut]] = False
    return kept
