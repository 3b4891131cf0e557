"""What a set of objects is worth in several objectives at once."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.metrics.several_objectives.fronts import complete, hypervolume, pareto_front
from molgfn.evaluation.metrics.several_objectives.indicators import igd, pc_entropy, r2
from molgfn.evaluation.metrics.several_objectives.references import faces, finest_lattice, n_faces
from molgfn.evaluation.scales import COUNT, SHARE, Scale, Scales

#: most weight vectors of R2
MOST_WEIGHTS = 500
#: points along each objective in the reference of IGD and PC-entropy
FACE_POINTS = 10
#: with a larger reference IGD and PC-entropy are not measured: up to five objectives it is smaller
MOST_FACES = 50_000


class SeveralObjectives(Metric):
    """Over the desirabilities in [0, 1] of the objectives that the reward is made of, more is better in each.

    hypervolume: the share of the unit cube that the samples dominate (reference point 0). r2: mean over weight vectors
    v of min over samples a of max over objectives i of v_i |1 - a_i|, less is better. igd: mean distance from the far
    faces of the unit cube to the nearest sample, less is better; pc_entropy: entropy (nats) of which point of these
    faces is nearest to each sample. The faces are those of a grid with points=10 along each objective. front: how many
    different objects no other dominates. All but pc_entropy go by the best samples, and so depend on their number n.
    Samples that lack a value of one objective are left out.
    """

    name: ClassVar[str] = "objectives"
    reference: ClassVar[str] = "Jain et al., Multi-Objective GFlowNets, ICML 2023, arXiv 2210.12765"
    scales: ClassVar[Scales] = {
        "objectives/hypervolume/*": SHARE,
        "objectives/r2/*": Scale("minimise", best=0.0),
        "objectives/front/*": COUNT,
        "objectives/igd/*": Scale("minimise", best=0.0),
        "objectives/pc_entropy/*": Scale("maximise", "nats", worst=0.0),
    }

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        """No reading at all where there are fewer than two objectives."""
        points = samples.points
        if points is None:
            return {}
        known = complete(points)
        n, dimensions = len(points), points.shape[1]
        if not len(known):
            return {self.name: Reading.missing("no sample has a value of every objective")}
        front = known[pareto_front(known)]
        weights = finest_lattice(dimensions, MOST_WEIGHTS)
        out = {
            f"objectives/hypervolume/n={n}": Reading(hypervolume(front), count=len(known)),
            f"objectives/r2/weights={len(weights)}/n={n}": Reading(r2(front, weights), count=len(known)),
            f"objectives/front/n={n}": Reading(float(len(front_of(samples))), count=len(known)),
        }
        tail = f"points={FACE_POINTS}/n={n}"
        if (size := n_faces(dimensions, FACE_POINTS)) > MOST_FACES:
            why = f"the reference of {dimensions} objectives has {size:,} points, more than {MOST_FACES:,}"
            return out | {f"objectives/{what}/{tail}": Reading.missing(why) for what in ("igd", "pc_entropy")}
        reference = faces(dimensions, FACE_POINTS)
        return out | {
            f"objectives/igd/{tail}": Reading(igd(known, reference), count=len(known)),
            f"objectives/pc_entropy/{tail}": Reading(pc_entropy(known, reference), count=len(known)),
        }


def front_of(samples: Samples) -> np.ndarray:
    """int64 [F]: where among the samples the different objects are that no other one dominates, best log R first."""
    if samples.points is None:
        return np.zeros(0, dtype=np.int64)
    return samples.unique[pareto_front(samples.points[samples.unique])]
