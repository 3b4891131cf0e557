"""Objects to look at: the best ones, and good ones that are far from each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from molgfn.chemistry.fingerprints import tanimoto
from molgfn.evaluation.report.figures import drawing
from molgfn.evaluation.report.tables import numbers, rows_with
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasFingerprints, HasPictures

#: good objects are this share of the different ones, best first, and at least this many
GOOD_SHARE, GOOD_LEAST = 0.1, 50


def component_columns(table: pd.DataFrame, kind: ObjectKind) -> list[str]:
    """Columns of oracle values, without one that repeats another (an oracle alone is its own component, and a
    component without a transform is desirable as it is).
    """
    known = (kind.key_column, "count", "log_reward", "value", "problem")
    shown = ["value"] if "value" in table else []
    names: list[str] = []
    for name in table.columns:
        if name in known or any(table[name].equals(table[other]) for other in [*shown, *names]):
            continue
        if np.isfinite(numbers(table, name)).any():
            names.append(name)
    return names


def text_columns(table: pd.DataFrame, kind: ObjectKind) -> list[str]:
    """Columns that say something in words about an object, such as which alerts a molecule has."""
    known = (kind.key_column, "count", "log_reward", "value", "problem")
    return [
        name
        for name in table.columns
        if name not in known and bool(table[name].notna().any()) and not np.isfinite(numbers(table, name)).any()
    ]


def _three_digits(x: float) -> str:
    """Three significant ones, zeros at the end as well; whole numbers whole."""
    return f"{x:.0f}" if x == round(x) and abs(x) < 1e6 else f"{x:#.3g}".rstrip(".")


@dataclass(frozen=True)
class Picture:
    """One card; ``rank`` counts from 1, the best."""

    svg: str
    key: str
    rank: int
    value: str
    detail: str


@dataclass(frozen=True)
class Gallery:
    """Different objects of a table of samples, best first.

    Attributes:
        kind: what they are.
        table: one row per object (its key, ``count``, and where scored ``log_reward``, ``value``, components).
        objects: the same, parsed.
    """

    kind: ObjectKind
    table: pd.DataFrame
    objects: Any

    @classmethod
    def of(cls, table: pd.DataFrame, kind: ObjectKind, limit: int = 5000) -> Gallery:
        """The first ``limit`` rows that hold an object."""
        rows = rows_with(table, kind.key_column).head(limit)
        objects = kind.parse(rows[kind.key_column].astype(str).tolist())
        good = [row for row, problem in enumerate(kind.problems(objects)) if problem is None]
        return cls(kind, rows.iloc[good].reset_index(drop=True), kind.take(objects, good))

    @cached_property
    def bits(self) -> np.ndarray:
        """Fingerprints of all [N, F]; F is 0 where the kind has none."""
        if isinstance(self.kind, HasFingerprints):
            return self.kind.fingerprints(self.objects)
        return np.zeros((len(self.objects), 0))

    @cached_property
    def components(self) -> list[str]:
        """Columns of raw oracle values that say more than ``value`` does; not what a transform made of them."""
        return [name for name in component_columns(self.table, self.kind) if not name.endswith("_transformed")]

    @cached_property
    def remarks(self) -> list[str]:
        """Columns of words."""
        return text_columns(self.table, self.kind)

    @property
    def good(self) -> int:
        """How many rows from the top count as good."""
        return min(len(self.objects), max(round(GOOD_SHARE * len(self.objects)), GOOD_LEAST))

    def best(self, n: int) -> list[int]:
        return list(range(min(n, len(self.objects))))

    def diverse(self, n: int) -> list[int]:
        """Max-min picks among the good ones: the best first, then always the one least similar to all picked.

        No row where the kind has no fingerprints.
        """
        if not self.good or not isinstance(self.kind, HasFingerprints):
            return []
        picked = [0]
        nearest = tanimoto(self.bits[:1], self.bits[: self.good])[0]
        while len(picked) < min(n, self.good):
            nearest[picked[-1]] = np.inf
            picked.append(int(nearest.argmin()))
            nearest = np.maximum(nearest, tanimoto(self.bits[picked[-1]][None], self.bits[: self.good])[0])
        return picked

    def mean_similarity(self, rows: list[int]) -> float:
        """Mean Tanimoto similarity over pairs of different ``rows``; NaN for fewer than two."""
        n = len(rows)
        if n < 2:
            return float("nan")
        return float((tanimoto(self.bits[rows], self.bits[rows]).sum() - n) / (n * (n - 1)))

    def pictures(self, rows: list[int]) -> list[Picture]:
        """Cards of the objects at ``rows``; none where they cannot be drawn."""
        return [self._picture(i, self.kind) for i in rows] if isinstance(self.kind, HasPictures) else []

    def _picture(self, i: int, kind: HasPictures) -> Picture:
        row = self.table.iloc[i]
        known = [name for name in self.components if np.isfinite(float(row[name]))]
        parts = [f"{name.replace('_', ' ')} {_three_digits(float(row[name]))}" for name in known]
        parts += [f"{name.replace('_', ' ')}: {row[name]}" for name in self.remarks if isinstance(row[name], str)]
        if row["count"] > 1:
            parts.append(f"drawn {int(row['count'])}×")
        value = row.get("value")
        return Picture(
            svg=drawing(kind.icon(self.objects[i])),
            key=str(row[kind.key_column]),
            rank=i + 1,
            value="" if value is None or np.isnan(value) else f"{value:.3f}".replace("-", "−"),
            detail=" · ".join(parts),
        )
