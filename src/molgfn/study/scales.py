"""How each column of a study is read: which way is better, in what units, between which bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from molgfn.config import build
from molgfn.evaluation.scales import (
    BY_CONDITION,
    CORRELATION,
    COUNT,
    EXACT,
    NATS,
    PROPERTY,
    SHARE,
    Scale,
    Scales,
    scale_of,
)
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.experiment import Experiment
from molgfn.rewards.base import ScoredProperty
from molgfn.study.plan import Task

COST = Scale("minimise", worst=None, best=0.0)
#: what a study measures itself, see ``measures.measure``
OF_RUNS: Scales = {
    "reward_calls": COST,
    "trajectories": COST,
    "gradient_steps": COST,
    "seconds": Scale("minimise", "s", best=0.0),
    "distinct_objects": COUNT,
    "log_z": NATS,
    "elbo": Scale("maximise", "nats"),
    "heldout/pearson": CORRELATION,
    "heldout/spearman": CORRELATION,
    "found/unique": COUNT,
    "found/hits/*": COUNT,
    "found/modes/*": COUNT,
    "found/different": SHARE,
    "avg_top*": PROPERTY,
    "auc_top*": SHARE,
}


@dataclass(frozen=True)
class Known:
    """The scales of what is measured on one task.

    Attributes:
        task: its name and the bounds that the study gives.
        tables: of the metrics and of what is measured beside them.
        scored: the property that R is made of.
    """

    task: Task
    tables: Sequence[Scales]
    scored: ScoredProperty

    def of(self, measure: str) -> Scale:
        """The metric's scale; where the study gives bounds, with these and the better side that they say."""
        scale = scale_of(measure, self.tables, self.scored)
        bounds = self.task.scales.get(measure)
        if bounds is None:
            return scale
        direction = "maximise" if bounds.best > bounds.worst else "minimise"
        return Scale(direction, scale.units, bounds.worst, bounds.best)

    def contradictions(self) -> list[str]:
        """Bounds of the study whose better side is not the metric's, one line each."""
        found = []
        for measure, bounds in self.task.scales.items():
            metric = scale_of(measure, self.tables, self.scored).direction
            given = self.of(measure).direction
            if metric is not None and metric != given:
                found.append(
                    f"scales.{measure}: best {bounds.best:g} and worst {bounds.worst:g} say {given}, but the metric is "
                    f"one to {metric}"
                )
        return found


def known_scales(task: Task, e: Experiment) -> Known:
    """The scales of what runs of ``e`` have measured."""
    return Known(task, _tables(e.evaluation), e.reward.scored)


def scales_without_data(task: Task, config: Mapping[str, Any]) -> Known:
    """What is known of a task whose experiment cannot be built here: all but which way its property is better."""
    evaluation = build(config["evaluation"], EvaluationSettings, "evaluation")
    return Known(task, _tables(evaluation), ScoredProperty())


def _tables(evaluation: EvaluationSettings) -> list[Scales]:
    return [OF_RUNS, EXACT, BY_CONDITION, *(metric.scales for metric in evaluation.metrics())]
