"""Whether better objects really are sampled more often."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from molgfn.correlations import pearson, spearman, undefined
from molgfn.evaluation.metrics.base import Metric, Reading, Samples, TerminalProbabilities
from molgfn.evaluation.scales import CORRELATION, Scale, Scales

#: with fewer objects a correlation is not reported: it says next to nothing
FEWEST_OBJECTS = 10


class Correlation(Metric):
    """Pearson and Spearman correlation of log P_T(x) with log R(x), and the slope of log P_T on log R (1 is ideal).

    The key names the objects and the backward trajectories per object of the log P_T estimate. Intervals are percentile
    bootstrap over objects, of which it takes 10. A correlation says nothing of mass outside the objects it is measured
    on.
    """

    name: ClassVar[str] = "correlation"
    requires: ClassVar[frozenset[str]] = frozenset({"terminal"})
    reference: ClassVar[str] = "Nica et al., Evaluating generalization in GFlowNets for molecule design, MLDD 2022"
    scales: ClassVar[Scales] = {
        "correlation/pearson/*": CORRELATION,
        "correlation/spearman/*": CORRELATION,
        "log_p_terminal/standard_error/*": Scale("minimise", "nats", best=0.0),
    }

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        if samples.terminal is None:
            return {self.name: Reading.missing("log P_T was not estimated")}
        return _readings(samples.terminal, "correlation/", f"{samples.terminal.name}/", "log_p_terminal/")


class HeldoutCorrelation(Metric):
    """Correlation of log P_T(x) with log R(x) as above, on given molecules that the run was not trained on.

    A trained policy's own samples are a narrow band of good objects; given ones that span the reward say more of the
    shape of P_T, and nothing of where its mass lies. Objects far less probable than any that training met have a
    log P_T that nothing has taught.
    """

    name: ClassVar[str] = "heldout"
    requires: ClassVar[frozenset[str]] = frozenset({"heldout"})
    reference: ClassVar[str] = Correlation.reference
    scales: ClassVar[Scales] = {
        "heldout/pearson*": CORRELATION,
        "heldout/spearman*": CORRELATION,
        "heldout/standard_error/*": Scale("minimise", "nats", best=0.0),
    }

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        if samples.heldout is None:
            return {self.name: Reading.missing("no molecules were held out")}
        return _readings(samples.heldout, "heldout/", "", "heldout/")


def rank_correlation(terminal: TerminalProbabilities) -> float | None:
    """Spearman's, of log P_T with log R; None of too few objects, or of ones that are all alike."""
    value = spearman(*_finite(terminal), fewest=FEWEST_OBJECTS)
    return None if np.isnan(value) else value


def _finite(terminal: TerminalProbabilities) -> tuple[np.ndarray, np.ndarray]:
    known = _known(terminal)
    return terminal.log_p[known], terminal.log_reward[known]


def _known(terminal: TerminalProbabilities) -> np.ndarray:
    return np.isfinite(terminal.log_p) & np.isfinite(terminal.log_reward)


def _readings(terminal: TerminalProbabilities, head: str, which: str, error: str) -> dict[str, Reading]:
    """``<head>pearson/<which>N=...`` and its like."""
    log_p, log_reward = _finite(terminal)
    per = "" if terminal.per == "object" else f"/per {terminal.per}"
    tail = f"{which}N={terminal.trajectories}{per}"
    if undefined(log_p, log_reward, fewest=FEWEST_OBJECTS):
        reason = f"{len(log_p)} objects with log P_T; it takes {FEWEST_OBJECTS} with different log R and log P_T"
        return {f"{head}pearson/{tail}": Reading.missing(reason)}
    return {
        f"{head}pearson/{tail}": Reading.bootstrap(pearson, log_p, log_reward),
        f"{head}spearman/{tail}": Reading.bootstrap(spearman, log_p, log_reward),
        f"{head}slope/{tail}": Reading.bootstrap(_slope, log_p, log_reward),
        f"{error}standard_error/{tail}": Reading(float(np.median(terminal.error[_known(terminal)])), count=len(log_p)),
    }


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """Of x on y by least squares; NaN where y is the same for all."""
    return float(np.cov(x, y)[0, 1] / y.var(ddof=1)) if np.ptp(y) else np.nan
