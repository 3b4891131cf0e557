"""How many ring systems with linkers the molecules are built around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from molgfn.chemistry.scaffolds import murcko
from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import COUNT, Scales
from molgfn.evaluation.thresholds import condition, reached
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind


class Scaffolds(Metric):
    """Different Bemis-Murcko scaffolds among the unique valid molecules; acyclic molecules have none and do not count.

    ``scaffolds/value>=t`` counts those of molecules with value >= t only (``value<=t`` where the oracle is to be
    minimised).

    Args:
        thresholds: values of the property that R is made of from which a molecule is good, one count each.
    """

    name: ClassVar[str] = "scaffolds"
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Bemis and Murcko, J. Med. Chem. 39 (1996) 2887"
    scales: ClassVar[Scales] = {"scaffolds/*": COUNT}

    def __init__(self, *, thresholds: Sequence[float] = (0.7, 0.8)) -> None:
        self.thresholds = tuple(thresholds)

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        names = [murcko(molecule) for molecule in samples.different]
        out = {f"scaffolds/n={len(samples)}": Reading(float(len(set(names) - {""})), count=len(names))}
        if samples.value is None:
            return out
        values = samples.value[samples.unique]
        for threshold in self.thresholds:
            good = np.flatnonzero(reached(values, threshold, samples.scored.direction))
            found = {names[i] for i in good} - {""}
            out[f"scaffolds/{condition(threshold, samples.scored.direction)}"] = Reading(
                float(len(found)), count=len(good)
            )
        return out
