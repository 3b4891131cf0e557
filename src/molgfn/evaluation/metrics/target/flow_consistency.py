"""Flow consistency on sub-graphs: P_T beside R within small sets of objects, where neither needs its constant."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from molgfn.evaluation.metrics.base import Metric, Reading, Samples, TerminalProbabilities
from molgfn.evaluation.scales import Scale, Scales

#: sets that are drawn; their seed is fixed
SETS = 1000


class FlowConsistency(Metric):
    """Mean over random sets S of objects of the total variation between P_T and R, both renormalised within S.

    FCS: 0 where P_T is in proportion to R on all of them, whatever it does elsewhere. The objects are those whose log
    P_T was estimated: ``flow_consistency/samples`` the sampler's own, ``flow_consistency/heldout`` given ones. An error
    in log P_T adds to it. Intervals are percentile bootstrap over the sets, which overlap: they are too narrow where
    there are few objects.

    Args:
        size: objects in a set.
    """

    name: ClassVar[str] = "flow_consistency"
    requires: ClassVar[frozenset[str]] = frozenset({"terminal"})
    reference: ClassVar[str] = "Silva et al., When do GFlowNets learn the right distribution?, arXiv 2411.05899"
    scales: ClassVar[Scales] = {"flow_consistency*": Scale("minimise", worst=1.0, best=0.0)}

    def __init__(self, *, size: Annotated[int, Field(ge=2)] = 8) -> None:
        self.size = size

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        known = [part for part in (samples.terminal, samples.heldout) if part is not None]
        if not known:
            return {self.name: Reading.missing("log P_T was not estimated")}
        return {
            f"{self.name}/{part.name}/size={self.size}/N={part.trajectories}": self._reading(part) for part in known
        }

    def _reading(self, terminal: TerminalProbabilities) -> Reading:
        finite = np.isfinite(terminal.log_p) & np.isfinite(terminal.log_reward)
        log_p, log_reward = terminal.log_p[finite], terminal.log_reward[finite]
        if len(log_p) < self.size:
            return Reading.missing(f"{len(log_p)} objects with log P_T; a set takes {self.size}")
        rng = np.random.default_rng(0)
        # the smallest of so many random numbers: a set without repetition in each row
        rows = rng.random((SETS, len(log_p))).argpartition(self.size - 1, axis=1)[:, : self.size]
        distances = np.abs(_within(log_p[rows]) - _within(log_reward[rows])).sum(1) / 2
        return Reading.bootstrap(np.mean, distances)


def _within(logs: np.ndarray) -> np.ndarray:
    """Probabilities in each row [S, size] in proportion to exp of the logs."""
    p = np.exp(logs - logs.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)
