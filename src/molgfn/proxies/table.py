"""A table of molecules with a measured or computed property, in numbers or in labels."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from molgfn.chemistry.files.layout import chosen_column
from molgfn.chemistry.files.left_out import LeftOut
from molgfn.chemistry.files.numbers import columns_with_commas, said_of, with_point
from molgfn.chemistry.files.reading import Columns, Record, iter_records
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.identity import flat_smiles
from molgfn.errors import DataError
from molgfn.paths import sha256
from molgfn.proxies.classes.labels import Task, are_labels, label_of

#: how tables say that there is no number
_NOTHING = {"", "nan", "na", "n/a", "#n/a", "none", "null", "-"}
#: what a column holds, in messages
_KINDS: dict[Task, str] = {"regression": "number", "classification": "label"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class PropertyTable:
    """Different molecules, each with one number, or one label.

    Attributes:
        path: the file.
        name: of the property, that of its column.
        molecules: the M different ones, in the order of the file.
        values: of the property, float64 [M]; the mean over the rows of a molecule, or its label, 0 or 1.
        rows: rows of the file.
        left_out: reason -> rows without a usable molecule or value.
        reasons: the same with line numbers and examples.
        first: (line, reason) of the first of them, at most five.
        merged: rows beyond the first of their molecule.
        noise: standard deviation within the rows of a molecule, pooled; NaN where no molecule has two, and of labels.
        sha256: of the file.
        commas: whether the numbers are written with decimal commas.
        task: whether the values are numbers or labels.
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
    task: Task = "regression"

    def require_finite(self) -> None:
        """Raise ``DataError`` where a value is no finite number; only a table that was made in memory can hold one."""
        self._require(np.isfinite(self.values), "a finite number")

    def require_labels(self) -> None:
        """Raise ``DataError`` where a value is neither 0 nor 1."""
        self._require(np.isin(self.values, (0.0, 1.0)), "a label, 0 or 1")

    def _require(self, fine: np.ndarray, wanted: str) -> None:
        bad = np.flatnonzero(~fine)
        if len(bad):
            row = int(bad[0])
            more = f" (and {len(bad) - 1:,} more)" if len(bad) > 1 else ""
            raise DataError(
                f"{self.path}: row {row + 1} of {len(self.values):,} ({self.molecules[row].smiles}): `{self.name}` is "
                f"{self.values[row]}, not {wanted}{more}"
            )

    def summary(self) -> str:
        """What was read and what was left out, a few lines of text."""
        lines = [f"{self.path}: {self.rows:,} rows, {len(self.values):,} different molecules with `{self.name}`"]
        lines += [f"left out: {out.count:,} x {out.reason}, line {out.where()}" for out in self.reasons]
        if self.commas:
            lines.append(said_of(self.name))
        if self.task == "classification":
            positives = int(self.values.sum())
            lines.append(f"labels: {positives:,} are 1, {len(self.values) - positives:,} are 0")
            if self.merged:
                lines.append(f"repeated molecules: {self.merged:,} rows say what another of theirs does")
            return "\n".join(lines)
        if are_labels(self.values):
            lines.append(f"`{self.name}` is 0 or 1 everywhere: of labels, task classification learns probabilities")
        if self.merged:
            lines.append(
                f"repeated molecules: {self.merged:,} rows were averaged into others; "
                f"values of one molecule differ by {self.noise:.3g} (standard deviation)"
            )
        return "\n".join(lines)


def read_property(
    path: str | Path, name: str, *, smiles: str | None = None, task: Task = "regression"
) -> PropertyTable:
    """Read a table of molecules and one column of numbers, or of labels.

    Numbers may have decimal commas where that is certain (``chemistry.files.numbers``). Labels are 0 and 1, false and
    true, or inactive and active, in small or large letters. Molecules that differ only in stereo or isotopes are one
    molecule here, because a proxy sees neither; one whose rows have both labels is left out.

    Args:
        path: ``.csv``, ``.tsv`` or ``.parquet``, also packed (``.gz``).
        name: of the column.
        smiles: name of the column of SMILES; by default one with such a name.
        task: "regression": numbers; "classification": labels.

    Raises:
        DataError: the file cannot be read, lacks a column, no row has a molecule and a value, or a cell has neither a
            label nor nothing; its line is named.
    """
    path = Path(path)
    found = _Rows()
    columns = Columns()
    commas = task == "regression" and bool(columns_with_commas(path, [name], column=smiles))
    for record in iter_records(path, column=smiles, columns=columns):
        found.count += 1
        if found.count == 1:
            place = _place(columns, name, path)
        if record.problem is not None:
            found.leave_out(record.line, record.problem)
            continue
        cell = record.cells[place]
        if task == "classification":
            number, problem = _label(cell, f"{path}, line {record.line}: `{name}`")
        else:
            number, problem = _number(with_point(cell) if commas else cell)
        found.add(record, number, problem)
    if task == "classification":
        found.drop_disagreeing()
    if not found.molecules:
        shown = "; ".join(f"line {line}: {why}" for line, why in found.first[:3]) or "it has no rows"
        raise DataError(f"{path}: no row has a molecule and a {_KINDS[task]} in `{name}` ({shown})")
    values, index = np.array(found.numbers), np.array(found.which)
    repeats = np.bincount(index)
    means = np.bincount(index, weights=values) / repeats
    merged = int((repeats - 1).sum())
    most = sorted(found.reasons.values(), key=lambda out: -out.count)
    of_numbers = merged and task == "regression"
    return PropertyTable(
        path=path,
        name=name,
        molecules=found.molecules,
        values=means,
        rows=found.count,
        left_out={out.reason: out.count for out in most},
        reasons=most,
        first=found.first,
        merged=merged,
        noise=math.sqrt(((values - means[index]) ** 2).sum() / merged) if of_numbers else math.nan,
        sha256=sha256(path),
        commas=commas,
        task=task,
    )


@dataclass
class _Rows:
    """What was read so far.

    Attributes:
        count: rows.
        molecules: different ones.
        numbers: value of each row with a molecule and a value.
        which: index of its molecule.
        lines: its line.
        reasons: rows that were left out.
        first: (line, reason) of the first five of them.
    """

    count: int = 0
    molecules: list[Molecule] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    which: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    reasons: dict[str, LeftOut] = field(default_factory=dict)
    first: list[tuple[int, str]] = field(default_factory=list)
    _known: dict[str, int] = field(default_factory=dict)

    def leave_out(self, line: int, problem: str) -> None:
        """One more row that is of no use, and why."""
        reason, _, detail = problem.partition(": ")
        self.reasons.setdefault(reason, LeftOut(reason)).add(line, detail)
        self.first = sorted([*self.first, (line, problem)])[:5]

    def add(self, record: Record, number: float, problem: str | None) -> None:
        """One more row; ``problem`` is that of its value."""
        molecule = None if problem else record.molecule()
        if molecule is None or molecule.mol is None:
            self.leave_out(record.line, problem or (molecule and molecule.problem) or "not a molecule")
            return
        key = flat_smiles(molecule.mol, isotopes=False)
        if key not in self._known:
            self._known[key] = len(self.molecules)
            self.molecules.append(molecule)
        self.which.append(self._known[key])
        self.numbers.append(number)
        self.lines.append(record.line)

    def drop_disagreeing(self) -> None:
        """Leave out all rows of molecules that have both labels."""
        positives, rows_of = np.zeros(len(self.molecules)), np.zeros(len(self.molecules))
        for number, molecule in zip(self.numbers, self.which, strict=True):
            positives[molecule] += number
            rows_of[molecule] += 1
        kept = ((positives == 0) | (positives == rows_of)).tolist()
        for line, molecule in zip(self.lines, self.which, strict=True):
            if not kept[molecule]:
                self.leave_out(line, f"both labels in the rows of one molecule: {self.molecules[molecule].smiles[:60]}")
        rows = [row for row, molecule in enumerate(self.which) if kept[molecule]]
        place = (np.cumsum(kept) - 1).tolist()
        self.molecules = [molecule for molecule, stays in zip(self.molecules, kept, strict=True) if stays]
        self.which = [place[self.which[row]] for row in rows]
        self.numbers = [self.numbers[row] for row in rows]
        self.lines = [self.lines[row] for row in rows]


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


def _label(text: str, where: str) -> tuple[float, str | None]:
    """The label in a cell, or the reason why there is none. What is no label may be a third class, or a number: the
    whole column is then something else, so that it is not left out.
    """
    if text.strip().lower() in _NOTHING:
        return math.nan, "no value"
    label = label_of(text)
    if label is None:
        raise DataError(
            f"{where} is {text.strip()[:40]!r}, not a label; labels are 0 and 1, false and true, or inactive and "
            "active, and numbers are learned by task regression"
        )
    return label, None
