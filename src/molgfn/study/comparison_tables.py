"""A comparison as text for people and as a table for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from molgfn.evaluation.readings import Reading
from molgfn.study.comparison import Comparison, Pair
from molgfn.study.tables import number

#: where a line has no number of its own
NOTHING = Reading(None)
#: columns of ``comparison.csv``
COLUMNS = ("measure", "statistic", "task", "row", "baseline", "value", "low", "high", "p", "p_holm", "count")
BETTER = {"maximise": "more is better", "minimise": "less is better"}


def comparison_markdown(c: Comparison) -> str:
    """Aggregates over tasks, ranks, and every row beside the baseline."""
    parts = [f"### Compared by {c.measure}\n", *(f"{text}\n" for text in (_scale(c), *c.left_out))]
    if c.aggregates or c.ranks is not None:
        parts.append(_over_tasks(c))
    if c.pairs:
        parts.append(_beside_baseline(c))
    return "\n".join(parts)


def _scale(c: Comparison) -> str:
    """How numbers became scores."""
    if not c.aggregates:
        (direction,) = set(c.directions.values())
        return f"{BETTER[direction].capitalize()}."
    told = []
    for task, bounds in c.bounds.items():
        seen = f" ({' and '.join(bounds.observed)} of the runs here)" if bounds.observed else ""
        told.append(f"{task} {number(bounds.worst)} to {number(bounds.best)}{seen}")
    return f"Scores go from 0 at the worst to 1 at the best: {'; '.join(told)}."


def _over_tasks(c: Comparison) -> str:
    statistics = list(next(iter(c.aggregates.values()), {}))
    ranked = dict(zip(c.ranked, c.ranks.average, strict=True)) if c.ranks is not None else {}
    heads = [*statistics, *(["average rank"] if ranked else [])]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for row in c.ranked:
        cells = [_cell(c.aggregates[row][name]) for name in statistics]
        lines.append(f"| {row} | " + " | ".join([*cells, *([f"{ranked[row]:.2f}"] if ranked else [])]) + " |")
    text = "\n".join(lines) + "\n"
    if c.ranks is not None:
        blocks = "tasks x seeds" if len(c.tasks) > 1 else "seeds"
        text += f"\nRanks are means over {c.ranks.blocks} blocks ({blocks}), 1 is best"
        if c.ranks.p is not None:
            text += f"; Friedman's test that rows do not differ: p {_p(c.ranks.p)}"
        text += ".\n"
    return text


def _beside_baseline(c: Comparison) -> str:
    several = len(c.tasks) > 1
    heads = ["score, all tasks"] if several else []
    unit = "" if c.units == "1" else f", {c.units}"
    heads += [f"{task}: {c.measure}{unit}" if task else f"{c.measure}{unit}" for task in c.tasks]
    heads += ["p", "p (Holm)", "P(better)", "pairs"]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for pair in c.pairs:
        cells = [_cell(pair.score)] if several else []
        cells += [_cell(pair.differences[task]) for task in c.tasks]
        cells += [_p(pair.p), _p(pair.p_holm), _cell(pair.improvement), str(pair.pairs)]
        lines.append(f"| {pair.row} | " + " | ".join(cells) + " |")
    text = f"Minus {c.baseline}, runs of the same {'task and ' if several else ''}seed paired:\n\n" + "\n".join(lines)
    few = min((pair.pairs for pair in c.pairs), default=0)
    text += "\n\np is that of Wilcoxon's signed-rank test"
    if few < 6:
        text += f", which cannot be below {2.0 ** (1 - few):.2g} with {few} pairs"
    return f"{text}; brackets are 95 % bootstrap intervals over seeds, too narrow where these are few.\n"


def comparison_frame(found: Sequence[Comparison]) -> pd.DataFrame:
    """``COLUMNS``: one line for each number that a comparison has."""
    lines: list[_Line] = []
    for c in found:
        for row, of_row in c.aggregates.items():
            lines += [_Line(c.measure, name, "", row, reading=reading) for name, reading in of_row.items()]
        if c.ranks is not None:
            for row, rank in zip(c.ranked, c.ranks.average, strict=True):
                lines.append(
                    _Line(c.measure, "average rank", "", row, reading=Reading(float(rank), count=c.ranks.blocks))
                )
            if c.ranks.p is not None:
                chi = Reading(c.ranks.statistic, count=c.ranks.blocks)
                lines.append(_Line(c.measure, "Friedman chi squared", "", "", p=c.ranks.p, reading=chi))
        for pair in c.pairs:
            lines += _of_pair(c, pair)
    frame = pd.DataFrame([line.cells() for line in lines], columns=list(COLUMNS))
    return frame.astype({"count": "Int64"})


def _of_pair(c: Comparison, pair: Pair) -> list[_Line]:
    many = len(c.tasks) > 1
    lines = [_Line(c.measure, "difference", t, pair.row, c.baseline, reading=r) for t, r in pair.differences.items()]
    if many:
        lines.append(_Line(c.measure, "difference of the score", "", pair.row, c.baseline, reading=pair.score))
    tested = Reading(None, count=pair.pairs)
    lines.append(_Line(c.measure, "signed-rank test", "", pair.row, c.baseline, pair.p, pair.p_holm, tested))
    lines.append(_Line(c.measure, "probability of improvement", "", pair.row, c.baseline, reading=pair.improvement))
    return lines


@dataclass(frozen=True)
class _Line:
    measure: str
    statistic: str
    task: str
    row: str
    baseline: str = ""
    p: float | None = None
    p_holm: float | None = None
    reading: Reading = NOTHING

    def cells(self) -> tuple:
        r = self.reading
        where = (self.measure, self.statistic, self.task, self.row, self.baseline)
        return (*where, r.value, r.low, r.high, self.p, self.p_holm, r.count)


def _cell(reading: Reading) -> str:
    if reading.value is None:
        return "–"
    if reading.low is None or reading.high is None:
        return number(reading.value)
    width = reading.high - reading.low
    digits = min(4, max(0, 1 - math.floor(math.log10(width)))) if 0 < width < 10 else (4 if width == 0 else 0)
    return f"{reading.value:,.{digits}f} [{reading.low:,.{digits}f}, {reading.high:,.{digits}f}]"


def _p(p: float) -> str:
    return f"{p:.2g}" if p >= 0.001 else f"{p:.1e}"
