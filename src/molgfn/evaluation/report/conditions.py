"""How samples move with the condition: charts, words and a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from molgfn.errors import DataError
from molgfn.evaluation.by_condition.measured import GOAL
from molgfn.evaluation.by_condition.readings import PREFERENCE, TARGET
from molgfn.evaluation.report.fronts import chart, clouds, words_of
from molgfn.evaluation.report.scatters import agreement_svg, band_svg, lines_svg
from molgfn.evaluation.report.summary import number
from molgfn.evaluation.report.tables import numbers

#: first column of ``conditions.csv`` that is no number of the condition
FIRST_MEASURED = "objects"
#: what the columns of the table of conditions are called
WORDS = {
    "objects": "drawn",
    "mean_log_reward": "mean log R",
    "tv": "exact TV",
    "spearman": "Spearman of log P_T and log R",
    "log_z_predicted": "log Z of the policy",
    "in_focus": "in focus",
    "angle": "angle (°)",
    "focus_diversity": "diversity in focus",
}
#: columns of ``conditions.csv`` that the page leaves to the file
NOT_SHOWN = ("exact", "log_z_importance", "log_z_error", "elbo", "effective_share")


@dataclass(frozen=True)
class Conditions:
    """The tables of an evaluation under several conditions.

    Attributes:
        table: ``conditions.csv``, a row per condition.
        samples: ``condition_samples.csv``, a row per different object under each.
        columns: numbers of a condition.
    """

    table: pd.DataFrame
    samples: pd.DataFrame
    columns: list[str]

    @classmethod
    def read(cls, folder: Path) -> Conditions | None:
        """Those in an evaluation's folder; None where there are none.

        Raises:
            DataError: one of the two is missing, or is not what an evaluation writes.
        """
        files = [folder / "conditions.csv", folder / "condition_samples.csv"]
        if not files[0].is_file():
            return None
        try:
            table, samples = (pd.read_csv(path) for path in files)
            columns = list(table.columns[: table.columns.get_loc(FIRST_MEASURED)])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder}: conditions.csv or condition_samples.csv cannot be read ({error})") from error
        return cls(table, samples, columns)

    def charts(self, objectives: list[str], property_name: str) -> list[dict[str, str]]:
        """Title and SVG of each."""
        single = self.columns[0] if len(self.columns) == 1 else None
        charts = [self._band(single, property_name)] if single is not None else []
        charts += self._means(objectives) + clouds(self.points(objectives), self._colour, self.samples)
        if single is not None and "tv" in self.table:
            series = {"": (numbers(self.table, single), numbers(self.table, "tv"))}
            title = "Exact total variation from R/Z"
            charts.append(chart(title, lines_svg(series, title=title, x_label=words_of(single), y_label="TV")))
        return charts + self._log_z()

    def points(self, objectives: list[str]) -> dict[str, np.ndarray]:
        """Desirabilities of the rows of ``samples``, by objective; without one that no row has."""
        columns = {name: f"objective_{name}" for name in objectives if f"objective_{name}" in self.samples}
        known = {name: numbers(self.samples, column) for name, column in columns.items()}
        return {name: x for name, x in known.items() if np.isfinite(x).any()}

    def objects(self, objectives: list[str]) -> pd.DataFrame:
        """``samples`` without the columns of the condition and of desirabilities."""
        gone = {*self.columns, *(f"objective_{name}" for name in objectives)}
        return self.samples.drop(columns=[name for name in self.samples.columns if name in gone])

    def _band(self, column: str, property_name: str) -> dict[str, str]:
        target = column.removeprefix(TARGET) if column.startswith(TARGET) else None
        what = target if target is not None and target in self.samples else "value"
        groups = [(x, rows) for x, rows in self.samples.groupby(column, sort=True) if bool(rows[what].notna().any())]
        spread = np.array([_quantiles(numbers(rows, what), numbers(rows, "count")) for _, rows in groups])
        mean = np.array([_mean(numbers(rows, what), numbers(rows, "count")) for _, rows in groups])
        name = property_name if what == "value" else what.replace("_", " ")
        title = f"{name} against {words_of(column)}"
        svg = band_svg(
            np.array([x for x, _ in groups], dtype=np.float64),
            spread.reshape(-1, 2),
            mean,
            title=title,
            x_label=words_of(column),
            y_label=name,
            diagonal=target is not None,
        )
        return chart(title, svg)

    def _means(self, objectives: list[str]) -> list[dict[str, str]]:
        """The mean of each objective against what the condition says of it."""
        for start, what in ((PREFERENCE, "weight"), (GOAL, "share of the direction")):
            series = {
                name.replace("_", " "): (numbers(self.table, f"{start}{name}"), numbers(self.table, f"mean_{name}"))
                for name in objectives
                if f"{start}{name}" in self.columns and f"mean_{name}" in self.table
            }
            if series:
                title = f"Each objective against its {what}"
                svg = lines_svg(series, title=title, x_label=what, y_label="mean desirability")
                return [chart(title, svg)]
        return []

    def _colour(self, first: str, second: str) -> tuple[np.ndarray, str]:
        """What tells the conditions of a pair of objectives apart, and its words."""
        for start, what in ((PREFERENCE, "weight"), (GOAL, "direction")):
            a, b = f"{start}{first}", f"{start}{second}"
            if a in self.columns and b in self.columns:
                x, y = numbers(self.samples, a), numbers(self.samples, b)
                share = np.divide(x, x + y, out=np.full(len(x), 0.5), where=x + y > 0)
                return share, f"{what} of {words_of(first)} against {words_of(second)}"
        return numbers(self.samples, self.columns[0]), words_of(self.columns[0])

    def _log_z(self) -> list[dict[str, str]]:
        if "log_z_predicted" not in self.table:
            return []
        truth, predicted = numbers(self.table, "log_z"), numbers(self.table, "log_z_predicted")
        known = np.isfinite(truth) & np.isfinite(predicted)
        if not known.any():
            return []
        exact = bool(numbers(self.table, "exact").all())
        label = f"log Z(c), {'exact' if exact else 'by importance sampling'}"
        title = "log Z of each condition: the policy's own"
        svg = agreement_svg(
            truth[known], predicted[known], title=title, x_label=label, y_label="log Z(c) of the policy"
        )
        return [chart(title, svg)]

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Headings and cells of the table of conditions."""
        shown = [name for name in self.table.columns if name not in NOT_SHOWN]
        head = [WORDS.get(name) or words_of(name) for name in shown]
        cells = [
            [number(None if np.isnan(x) else x, share=name == "in_focus") for name, x in zip(shown, row, strict=True)]
            for row in np.stack([numbers(self.table, name) for name in shown], 1).tolist()
        ]
        return head, cells

    def words(self, metrics: dict[str, Any]) -> str:
        """A sentence or two above the charts."""
        each = {int(x) for x in numbers(self.table, FIRST_MEASURED)}
        drawn = f"{min(each):,}" if len(each) == 1 else f"{min(each):,} to {max(each):,}"
        text = f"{len(self.table)} conditions spread over what the policy was trained on, {drawn} samples under each."
        if (follows := _follows(metrics)) is not None:
            text += f" {follows}"
        return text + " All numbers are in conditions.csv, the objects in condition_samples.csv."


def _follows(metrics: dict[str, Any]) -> str | None:
    found = {
        key.removeprefix("by_condition/follows/"): reading["value"]
        for key, reading in metrics.items()
        if key.startswith("by_condition/follows/") and reading.get("value") is not None
    }
    if not found:
        return None
    listed = ", ".join(f"{words_of(name)} {number(round(value, 2))}" for name, value in found.items())
    return f"Rank correlation over conditions of what is asked for with what comes: {listed}."


def _mean(values: np.ndarray, counts: np.ndarray) -> float:
    known = np.isfinite(values)
    return float(np.average(values[known], weights=counts[known]))


def _quantiles(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The 10 and 90 % quantiles of samples, each row as often as it was drawn."""
    known = np.isfinite(values)
    return np.percentile(np.repeat(values[known], counts[known].astype(np.int64)), [10, 90])
