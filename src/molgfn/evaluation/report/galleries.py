"""Molecules to look at: the best ones, and good ones that are far from each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from molgfn.chemistry.drawing import molecule_svg
from molgfn.chemistry.fingerprints import morgan, tanimoto
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.evaluation.report.figures import inline_svg
from molgfn.evaluation.report.tables import numbers, rows_with

#: good molecules are this share of the different ones, best first, and at least this many
GOOD_SHARE, GOOD_LEAST = 0.1, 50


def component_columns(table: pd.DataFrame) -> list[str]:
    """Columns of oracle values, without one that repeats another (an oracle alone is its own component, and a
    component without a transform is desirable as it is).
    """
    known = ("smiles", "object", "count", "log_reward", "value", "problem")
    shown = ["value"] if "value" in table else []
    names: list[str] = []
    for name in table.columns:
        if name in known or any(table[name].equals(table[other]) for other in [*shown, *names]):
            continue
        if np.isfinite(numbers(table, name)).any():
            names.append(name)
    return names


def text_columns(table: pd.DataFrame) -> list[str]:
    """Columns that say something in words about a molecule, such as which alerts it has."""
    known = ("smiles", "object", "count", "log_reward", "value", "problem")
    return [
        name
        for name in table.columns
        if name not in known and bool(table[name].notna().any()) and not np.isfinite(numbers(table, name)).any()
    ]


@dataclass(frozen=True)
class Picture:
    """One molecule card; ``rank`` counts from 1, the best."""

    svg: str
    smiles: str
    rank: int
    value: str
    detail: str


@dataclass(frozen=True)
class Gallery:
    """Different molecules of a table of samples, best first, with their fingerprints.

    Attributes:
        table: one row per molecule (``smiles``, ``count``, and where scored ``log_reward``, ``value``, components).
        molecules: the same, parsed.
        bits: their fingerprints.
    """

    table: pd.DataFrame
    molecules: list[Molecule]
    bits: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame, limit: int = 5000) -> Gallery:
        """The first ``limit`` rows that hold a molecule."""
        rows = rows_with(table, "smiles").head(limit)
        molecules = parse(rows["smiles"].astype(str))
        good = [i for i, molecule in enumerate(molecules) if molecule.valid]
        molecules = [molecules[i] for i in good]
        return cls(rows.iloc[good].reset_index(drop=True), molecules, morgan(molecules))

    @cached_property
    def components(self) -> list[str]:
        """Columns of raw oracle values that say more than ``value`` does; not what a transform made of them."""
        return [name for name in component_columns(self.table) if not name.endswith("_transformed")]

    @cached_property
    def remarks(self) -> list[str]:
        """Columns of words."""
        return text_columns(self.table)

    @property
    def good(self) -> int:
        """How many rows from the top count as good."""
        return min(len(self.molecules), max(round(GOOD_SHARE * len(self.molecules)), GOOD_LEAST))

    def best(self, n: int) -> list[int]:
        return list(range(min(n, len(self.molecules))))

    def diverse(self, n: int) -> list[int]:
        """Max-min picks among the good ones: the best first, then always the one least similar to all picked."""
        if not self.good:
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
        """Cards of the molecules at ``rows``."""
        return [self._picture(i) for i in rows]

    def _picture(self, i: int) -> Picture:
        row, mol = self.table.iloc[i], self.molecules[i].mol
        known = [name for name in self.components if np.isfinite(float(row[name]))]
        parts = [f"{name.replace('_', ' ')} {float(row[name]):.3g}" for name in known]
        parts += [f"{name.replace('_', ' ')}: {row[name]}" for name in self.remarks if isinstance(row[name], str)]
        if row["count"] > 1:
            parts.append(f"drawn {int(row['count'])}×")
        value = row.get("value")
        return Picture(
            svg="" if mol is None else inline_svg(molecule_svg(mol, (260, 190)), ""),
            smiles=str(row["smiles"]),
            rank=i + 1,
            value="" if value is None or np.isnan(value) else f"{value:.3f}",
            detail=" · ".join(parts),
        )
