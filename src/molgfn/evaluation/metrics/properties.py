"""What the objects look like: of molecules size, lipophilicity, rings."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasDescriptors


class Properties(Metric):
    """Mean and standard deviation, over the unique valid molecules, of weight, logP, TPSA, size, rings and rotors.

    Computed by RDKit whatever the reward is made of; the mean has the t interval. Raw oracle components follow under
    ``property/component/<name>``. Other kinds of object have the descriptors that they declare.
    """

    name: ClassVar[str] = "property"
    kinds: ClassVar[type[ObjectKind]] = HasDescriptors

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        kind = samples.kind
        columns = dict(kind.describe(samples.different)) if isinstance(kind, HasDescriptors) else {}
        columns |= {f"component/{name}": column[samples.unique] for name, column in samples.components.items()}
        out: dict[str, Reading] = {}
        for name, column in columns.items():
            known = column[~np.isnan(column)]
            out[f"property/{name}/mean"] = Reading.mean(known)
            if len(known) > 1:
                out[f"property/{name}/sd"] = Reading(float(known.std(ddof=1)), count=len(known))
        return out
