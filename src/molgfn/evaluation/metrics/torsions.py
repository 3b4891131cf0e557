"""How far a sampler of shapes is from its density, molecule by molecule."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import NATS, SHARE, Scale, Scales
from molgfn.evaluation.torsions.agreement import (
    effective_share,
    jensen_shannon,
    log_mean_weight,
    normalised,
    torsion_histograms,
)
from molgfn.objects.base import ObjectKind
from molgfn.objects.conformation import ConformationKind, Conformations


class Torsions(Metric):
    """Of each molecule's shapes with weights w = R / P_T: log mean w, which estimates log Z (d phi in radians over one
    period of each torsion), the effective share (sum w)^2 / (n sum w^2), and the largest Jensen-Shannon divergence of a
    torsion's histogram (36 bins) from the weighted one. ``torsions/effective_share`` is the mean over molecules.
    """

    name: ClassVar[str] = "torsions"
    requires: ClassVar[frozenset[str]] = frozenset({"log_weight"})
    kinds: ClassVar[type[ObjectKind]] = ConformationKind
    reference: ClassVar[str] = "Kish, Survey Sampling, 1965 (effective sample size)"
    scales: ClassVar[Scales] = {
        "torsions/effective_share": SHARE,
        "torsions/effective_share/*": SHARE,
        "torsions/log_z/*": NATS,
        "torsions/jsd/*": Scale("minimise", "nats", best=0.0),
    }

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        shapes, weight = samples.objects, samples.log_weight
        if weight is None or not isinstance(shapes, Conformations) or not len(shapes):
            return {self.name: Reading.missing("no shape was drawn")}
        out: dict[str, Reading] = {}
        shares = []
        for frame, rows, angles in shapes.by_frame():
            log_w = weight[rows]
            log_z, error = log_mean_weight(log_w)
            share = effective_share(log_w)
            shares.append(share)
            plain = torsion_histograms(angles, frame.periods)
            weighted = torsion_histograms(angles, frame.periods, weights=normalised(log_w))
            note = f"standard error {error:.3g}"
            out[f"torsions/log_z/{frame.smiles}"] = Reading(log_z, count=len(rows), note=note)
            out[f"torsions/effective_share/{frame.smiles}"] = Reading(share, count=len(rows))
            out[f"torsions/jsd/{frame.smiles}"] = Reading(float(jensen_shannon(plain, weighted).max()), count=len(rows))
        return {"torsions/effective_share": Reading(float(np.mean(shares)), count=len(shares)), **out}
