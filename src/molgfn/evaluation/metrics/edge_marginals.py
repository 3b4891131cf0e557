"""How often each edge is there among sampled DAGs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.objects.base import ObjectKind
from molgfn.objects.dag import DAG, DAGKind


def edge_marginals(keys: list[str], probabilities: np.ndarray) -> np.ndarray:
    """P(i -> j) under a distribution over DAGs, float64 [n, n].

    Args:
        keys: K DAGs on n nodes (``ExactResult.keys``).
        probabilities: [K], of each (``ExactResult.pi`` for the target, ``p`` for the sampler).
    """
    return np.einsum("k,kij->ij", np.asarray(probabilities, dtype=np.float64), DAG.plain(DAG.parse(keys)))


class EdgeMarginals(Metric):
    """``edge/i>j``: share of the samples in which the edge i -> j is there, with the Wilson interval.

    Under a sampler of the posterior it is the posterior probability of the edge.
    """

    name: ClassVar[str] = "edge"
    kinds: ClassVar[type[ObjectKind]] = DAGKind
    reference: ClassVar[str] = "Deleu et al., arXiv 2202.13903, section 5"

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        if not len(samples):
            return {self.name: Reading.missing("no sample")}
        graphs = DAG.plain(samples.objects)
        counts = graphs.sum(0)
        return {
            f"{self.name}/{i}>{j}": Reading.proportion(int(counts[i, j]), len(graphs))
            for i in range(graphs.shape[1])
            for j in range(graphs.shape[1])
            if i != j
        }
