"""Which row is better by one measure, by how much and how sure: from the tidy results alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from molgfn.evaluation.readings import Reading
from molgfn.study.plan import Study
from molgfn.study.statistics.aggregates import AGGREGATES, TaskScores, estimate
from molgfn.study.statistics.pairs import holm, paired_difference, signed_rank
from molgfn.study.statistics.profiles import probability_of_improvement
from molgfn.study.statistics.ranks import Ranks, ranks

#: (task, row, seed) -> number
Numbers = dict[tuple[str, str, int], float]


@dataclass(frozen=True)
class Bounds:
    """What becomes 0 and what becomes 1 on the scale of scores of a task.

    Attributes:
        worst: value of score 0.
        best: value of score 1.
        observed: which of the two are those of the runs, as nobody gave them: "worst", "best", both or none.
    """

    worst: float
    best: float
    observed: tuple[str, ...] = ()

    def score(self, value: float) -> float:
        """Where a value lies between the bounds; 1 where these are one."""
        return 1.0 if self.best == self.worst else (value - self.worst) / (self.best - self.worst)


@dataclass(frozen=True)
class Pair:
    """A row beside the baseline, by pairs of runs with the same task and seed.

    Attributes:
        row: which.
        differences: task -> mean difference of the measure, row minus baseline, in its units.
        score: mean difference of the score over tasks, more is better.
        p: of Wilcoxon's signed-rank test on the differences of the score of all pairs.
        p_holm: the same, adjusted for the number of rows.
        pairs: how many there are.
        improvement: probability that a run of the row is better than one of the baseline.
    """

    row: str
    differences: dict[str, Reading]
    score: Reading
    p: float
    p_holm: float
    pairs: int
    improvement: Reading


@dataclass(frozen=True)
class Comparison:
    """All that is said of the rows by one measure.

    Attributes:
        measure: its name.
        units: "1" for none.
        directions: task -> "maximise" or "minimise".
        bounds: task -> bounds of the score.
        baseline: the row that others are compared with.
        scores: of each run that has the number.
        aggregates: row -> statistic -> reading over all tasks.
        ranks: of the rows that ``ranked`` names, over blocks of equal task and seed that have all of them.
        ranked: the rows, in the plan's order.
        pairs: of every other row with the baseline.
        left_out: what could not be compared, one line each.
    """

    measure: str
    units: str
    directions: dict[str, str]
    bounds: dict[str, Bounds]
    baseline: str
    scores: Numbers
    aggregates: dict[str, dict[str, Reading]]
    ranks: Ranks | None
    ranked: list[str]
    pairs: list[Pair]
    left_out: list[str] = field(default_factory=list)

    @property
    def tasks(self) -> list[str]:
        return list(self.bounds)

    def of_row(self, row: str) -> TaskScores:
        """[runs] for each task."""
        mine = {(task, seed): score for (task, name, seed), score in self.scores.items() if name == row}
        return [np.array([score for (t, _), score in mine.items() if t == task]) for task in self.tasks]


def comparisons(study: Study, frame: pd.DataFrame) -> list[Comparison]:
    """By each measure that the plan names, else by the first column whose better side is known.

    Args:
        study: the plan.
        frame: its results, as of ``tidy``.

    Returns:
        One for each; none of a single row, or where the plan does not ask for it.
    """
    if (study.compare is None and not study.tasks) or len(study.rows) < 2 or frame.empty:
        return []
    known = list(dict.fromkeys(frame.loc[frame["direction"].notna(), "metric"]))
    first = [name for name in study.measures or known if name in known][:1]
    found = [comparison(study, frame, measure) for measure in study.compared_by or first]
    return [c for c in found if c is not None]


def comparison(study: Study, frame: pd.DataFrame, measure: str) -> Comparison | None:
    """None where fewer than two rows have the number, or its better side is not known on some task."""
    lines = [line for line in frame.to_dict("records") if line["metric"] == measure and math.isfinite(line["value"])]
    runs = len(frame[["task", "row", "seed"]].drop_duplicates())
    tasks = [task.name for task in study.all_tasks if any(line["task"] == task.name for line in lines)]
    rows = [row.name for row in study.rows if any(line["row"] == row.name for line in lines)]
    of_task = {task: [line for line in lines if line["task"] == task] for task in tasks}
    directions = {task: _direction(here) for task, here in of_task.items()}
    if len(rows) < 2 or not all(directions.values()):
        return None
    bounds = {task: _bounds(here, str(directions[task])) for task, here in of_task.items()}
    values: Numbers = {(line["task"], line["row"], line["seed"]): line["value"] for line in lines}
    scores: Numbers = {place: bounds[place[0]].score(value) for place, value in values.items()}
    whole = [row for row in rows if all((task, row) in {place[:2] for place in scores} for task in tasks)]
    left_out = [f"{runs - len(lines)} of {runs} runs have no {measure}."] if len(lines) < runs else []
    if missing := [row.name for row in study.rows if row.name not in whole]:
        left_out.append(f"Left out, without runs on some tasks: {', '.join(missing)}.")
    blocks = _blocks(scores, whole)
    result = Comparison(
        measure=measure,
        units=str(lines[0]["units"]),
        directions={task: str(direction) for task, direction in directions.items()},
        bounds=bounds,
        baseline=study.baseline,
        scores=scores,
        aggregates={},
        ranks=ranks(np.array([[scores[task, row, seed] for row in whole] for task, seed in blocks]))
        if blocks
        else None,
        ranked=whole,
        pairs=[],
        left_out=left_out,
    )
    if len(tasks) > 1:
        for row in whole:
            of_row = result.of_row(row)
            result.aggregates[row] = {name: estimate(of_row, statistic) for name, statistic in AGGREGATES.items()}
    result.pairs.extend(_pairs(result, values))
    return result


def _blocks(numbers: Numbers, rows: Sequence[str]) -> list[tuple[str, int]]:
    """(task, seed) that all of ``rows`` have, two of them at least."""
    places = list(dict.fromkeys((task, seed) for task, _, seed in numbers))
    return [(t, s) for t, s in places if len(rows) > 1 and all((t, row, s) in numbers for row in rows)]


def _pairs(found: Comparison, values: Numbers) -> list[Pair]:
    """Of every row but the baseline that shares a block with it on every task."""
    made: list[dict[str, Any]] = []
    for row in found.ranked if found.baseline in found.ranked else ():
        blocks = _blocks(values, [row, found.baseline])
        if row == found.baseline or {task for task, _ in blocks} != set(found.tasks):
            continue
        by_value, by_score = (
            {
                task: np.array([numbers[t, row, s] - numbers[t, found.baseline, s] for t, s in blocks if t == task])
                for task in found.tasks
            }
            for numbers in (values, found.scores)
        )
        made.append(
            {
                "row": row,
                "differences": {task: paired_difference([each]) for task, each in by_value.items()},
                "score": paired_difference(list(by_score.values())),
                "p": signed_rank(np.concatenate(list(by_score.values()))),
                "pairs": len(blocks),
                "improvement": probability_of_improvement(found.of_row(row), found.of_row(found.baseline)),
            }
        )
    adjusted = holm([pair["p"] for pair in made])
    return [Pair(**pair, p_holm=p) for pair, p in zip(made, adjusted, strict=True)]


def _direction(lines: Sequence[Mapping[Any, Any]]) -> str | None:
    """The one of all lines; a missing one is None or NaN, as Parquet or pandas has it."""
    found = {line["direction"] for line in lines}
    return found.pop() if len(found) == 1 and isinstance(next(iter(found)), str) else None


def _bounds(lines: Sequence[Mapping[Any, Any]], direction: str) -> Bounds:
    """Those of the metric or of the study; where there are none, those of the runs of all rows."""
    low, high = min(line["value"] for line in lines), max(line["value"] for line in lines)
    worst, best = (high, low) if direction == "minimise" else (low, high)
    given = (float(lines[0]["worst"]), float(lines[0]["best"]))
    observed = tuple(name for name, bound in zip(("worst", "best"), given, strict=True) if math.isnan(bound))
    return Bounds(worst if math.isnan(given[0]) else given[0], best if math.isnan(given[1]) else given[1], observed)
