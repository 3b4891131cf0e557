"""A table of molecules with a measured or computed property."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from molgfn.chemistry.files.layout import chosen_column
from molgfn.chemistry.files.left_out import LeftOut
from molgfn.chemistry.files.numbers import columns_with_commas, said_of, with_point
from molgfn.chemistry.files.reading import Columns, iter_records
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.identity import flat_smiles
from molgfn.errors import DataError
from molgfn.paths import sha256

#: how tables say that there is no number
_NOTHING = {"", "nan", "na", "n/a", "#n/a", "none", "null", "-"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class PropertyTable:
    """Different molecules, each with one number.

    Attributes:
        path: the file.
        name: of the property, that of its column.
        molecules: the M different ones, in the order of the file.
        values: of the property, float64 [M]; the mean over the rows of a molecule.
        rows: rows of the file.
        left_out: reason -> rows without a usable molecule or number.
        reasons: the same with line numbers and examples.
        first: (line, reason) of the first of them, at most five.
        merged: rows beyond the first of their molecule.
        noise: standard deviation within the rows of a molecule, pooled; NaN where no molecule has two.
        sha256: of the file.
        commas: whether the numbers are written with decimal commas.
    """

    path: Path
    name: str
    molecules: list[Molecule]
    values: np.ndarray
    rows: int
    left_out: dict[str, int]
    reasons: list[LeftOut]
    first: list[tuple[int, str]]
    merged: int
    noise: float
    sha256: str
    commas: bool = False

    def require_finite(self) -> None:
        """Raise ``DataError`` where a value is no finite number; only a table that was made in memory can hold one."""
        bad = np.flatnonzero(~np.isfinite(self.values))
        if len(bad):
            row = int(bad[0])
            more = f" (and {len(bad) - 1:,} more)" if len(bad) > 1 else ""
            raise DataError(
                f"{self.path}: row {row + 1} of {len(self.values):,} ({self.molecules[row].smiles}): `{self.name}` is "
                f"{self.values[row]}, not a finite number{more}"
            )

    def summary(self) -> str:
        """What was read and what was left out, a few lines of text."""
        lines = [f"{self.path}: {self.rows:,} rows, {len(self.values):,} different molecules with `{self.name}`"]
        lines += [f"left out: {out.count:,} x {out.reason}, line {out.where()}" for out in self.reasons]
        if self.commas:
            lines.append(said_of(self.name))
        if self.merged:
            lines.append(
                f"repeated molecules: {self.merged:,} rows were averaged into others; "
                f"values of one molecule differ by {self.noise:.3g} (standard deviation)"
            )
        return "\n".join(lines)


def read_property(path: str | Path, name: str, *, smiles: str | None = None) -> PropertyTable:
    """Read a table of molecules and one column of numbers.

    Numbers may have decimal commas where that is certain (``chemistry.files.numbers``). Molecules that differ only in
    stereo or isotopes are one molecule here, because a proxy sees neither.

    Args:
        path: ``.csv``, ``.tsv`` or ``.parquet``, also packed (``.gz``).
        name: of the column of numbers.
        smiles: name of the column of SMILES; by default one with such a name.

    Raises:
        DataError: the file cannot be read, lacks a column, or no row has a molecule and a number.
    """
    path = Path(path)
    known: dict[str, int] = {}
    molecules: list[Molecule] = []
    numbers: list[float] = []
    which: list[int] = []
    reasons: dict[str, LeftOut] = {}
    first: list[tuple[int, str]] = []
    rows = 0
    columns = Columns()
    commas = bool(columns_with_commas(path, [name], column=smiles))
    for record in iter_records(path, column=smiles, columns=columns):
        rows += 1
        if rows == 1:
            place = _place(columns, name, path)
        cell = record.cells[place] if record.problem is None else ""
        number, problem = _number(with_point(cell) if commas else cell)
        problem = record.problem or problem
        if problem is None:
            molecule = record.molecule()
            if molecule.mol is not None:
                key = flat_smiles(molecule.mol, isotopes=False)
                if key not in known:
                    known[key] = len(molecules)
                    molecules.append(molecule)
                which.append(known[key])
                numbers.append(number)
                continue
            problem = molecule.problem or "not a molecule"
        reason, _, detail = problem.partition(": ")
        reasons.setdefault(reason, LeftOut(reason)).add(record.line, detail)
        if len(first) < 5:
            first.append((record.line, problem))
    if not molecules:
        shown = "; ".join(f"line {line}: {why}" for line, why in first[:3]) or "it has no rows"
        raise DataError(f"{path}: no row has a molecule and a number in `{name}` ({shown})")
    values, index = np.array(numbers), np.array(which)
    repeats = np.bincount(index)
    means = np.bincount(index, weights=values) / repeats
    merged = int((repeats - 1).sum())
    most = sorted(reasons.values(), key=lambda out: -out.count)
    return PropertyTable(
        path=path,
        name=name,
        molecules=molecules,
        values=means,
        rows=rows,
        left_out={out.reason: out.count for out in most},
        reasons=most,
        first=first,
        merged=merged,
        noise=math.sqrt(((values - means[index]) ** 2).sum() / merged) if merged else math.nan,
        sha256=sha256(path),
        commas=commas,
    )


def _place(columns: Columns, name: str, path: Path) -> int:
    """Index of the column of numbers."""
    if columns.smiles is None or columns.lines:
        raise DataError(f"{path}: a column of numbers ('{name}') is in tables only; use .csv, .tsv or .parquet")
    index = chosen_column(columns.names, name, str(path))
    if index is None:
        raise DataError(f"{path}: no column '{name}'; the columns are: {', '.join(columns.names)}")
    return index


def _number(text: str) -> tuple[float, str | None]:
    """The number in a cell, or the reason why there is none. A comma is not guessed at: it may be of thousands."""
    text = text.strip()
    if text.lower() in _NOTHING:
        return math.nan, "no value"
    if _NUMBER.fullmatch(text):
        number = float(text)
        return (number, None) if math.isfinite(number) else (math.nan, f"value is not finite: {text[:40]}")
    if text.lower().strip("+-") in ("inf", "infinity"):
        return math.nan, f"value is not finite: {text[:40]}"
    if re.fullmatch(r"[+-]?\d[\d.]*,[\d,.]*", text):
        return math.nan, f"value has a comma (write 0.5, and 1234 for a thousand): {text[:40]}"
    return math.nan, f"value is no number: {text[:40]}"
