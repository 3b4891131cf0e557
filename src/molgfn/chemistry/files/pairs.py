"""Judgements of pairs of molecules, read from a table: which of the two is preferred."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from molgfn.chemistry.files.layout import chosen_column
from molgfn.chemistry.files.left_out import LeftOut, described
from molgfn.chemistry.files.numbers import columns_with_commas, finite_number, said_of, with_point
from molgfn.chemistry.files.reading import Columns, Record, iter_records
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import DataError

#: names of the columns where nobody says others
CHOSEN, REJECTED, ANSWER = "chosen", "rejected", "answer"
#: what the column of answers says, beside a number in [0, 1]; nothing is left of a pair that was skipped
ANSWERS = {"": 1.0, "chosen": 1.0, "tie": 0.5}
SKIPPED = "skip"


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """One judgement.

    Attributes:
        line: number (from 1) of its line.
        chosen: the molecule that is preferred.
        rejected: the other one.
        label: probability that ``chosen`` is preferred; 1 unless the file says otherwise, .5 for a tie.
        weight: > 0, as how many judgements it counts; 1 where no column says so.
    """

    line: int
    chosen: Molecule
    rejected: Molecule
    label: float
    weight: float = 1.0


@dataclass
class PairTable:
    """The judgements of a file.

    Attributes:
        path: the file.
        pairs: those that can be used.
        rows: how many rows were read.
        left_out: reason -> the others.
        cut: whether the file has more rows than the limit let through.
        contradicted: rows that were kept although another prefers the other molecule.
        commas: columns of numbers that are written with decimal commas.
    """

    path: Path
    pairs: list[JudgedPair] = field(default_factory=list)
    rows: int = 0
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    cut: bool = False
    contradicted: LeftOut = field(default_factory=lambda: LeftOut("contradictory"))
    commas: list[str] = field(default_factory=list)

    def drop(self, line: int, problem: str) -> None:
        """Count a row that is left out; ``problem`` is its reason, a colon, and what is said of it."""
        reason, _, detail = problem.partition(": ")
        self.left_out.setdefault(reason, LeftOut(reason)).add(line, detail)

    def keep(self, rows: Sequence[int]) -> None:
        """The pairs at ``rows`` alone; the others were counted."""
        self.pairs = [self.pairs[i] for i in rows]

    def summary(self) -> str:
        """One line for each reason, the most frequent first, after one for the whole."""
        lines = [f"{self.path}: {len(self.pairs)} of {self.rows} pairs kept", *described(self.left_out)]
        if self.contradicted.count:
            out = self.contradicted
            lines.append(f"  {out.count} contradictory, each kept as a vote: line {out.where()} ({out.example})")
        lines += [f"  {said_of(name)}" for name in self.commas]
        if self.cut:
            lines.append(f"  the others not read: limit={self.rows}")
        return "\n".join(lines)

    def require(self, what: str = "no pair is left") -> None:
        """Raise ``DataError`` with the reasons where no pair is left."""
        if not self.pairs:
            raise DataError(f"{what}\n{self.summary()}")

    def settle(
        self,
        keys: Callable[[JudgedPair], tuple[str, str]],
        contradictory: Literal["drop", "keep"] = "drop",
    ) -> None:
        """Leave out pairs of the same molecule, and those that were judged both ways.

        Args:
            keys: what chosen and rejected are known by.
            contradictory: "drop": where a is preferred to b in one row and b to a in another, none of these rows
                counts; "keep": all do, as votes.
        """
        directions: dict[frozenset[str], dict[str, int]] = {}
        named = [keys(pair) for pair in self.pairs]
        for (one, other), pair in zip(named, self.pairs, strict=True):
            if one != other and pair.label != 0.5:
                better = one if pair.label > 0.5 else other
                directions.setdefault(frozenset((one, other)), {}).setdefault(better, pair.line)
        kept = []
        for row, ((one, other), pair) in enumerate(zip(named, self.pairs, strict=True)):
            shown = f"{pair.chosen.smiles[:60]} and {pair.rejected.smiles[:60]}"
            found = directions.get(frozenset((one, other)), {})
            if one == other:
                self.drop(pair.line, f"same molecule: {shown}")
                continue
            if len(found) > 1 and pair.label != 0.5:
                opposite = next(line for key, line in found.items() if (key == one) != (pair.label > 0.5))
                what = f"{shown}, of which line {opposite} prefers the other"
                if contradictory == "drop":
                    self.drop(pair.line, f"contradictory: {what}")
                    continue
                self.contradicted.add(pair.line, what)
            kept.append(row)
        self.keep(kept)


def read_pairs(
    path: str | Path,
    *,
    chosen: str = CHOSEN,
    rejected: str = REJECTED,
    answer: str | None = ANSWER,
    weight: str | None = None,
    standardise: Callable[[Molecule], Molecule] = lambda molecule: molecule,
    limit: int | None = None,
) -> PairTable:
    """Read a table of judgements: two columns of SMILES, and perhaps one of answers.

    An answer is "chosen" (or nothing), "tie", "skip", or a number in [0, 1], the share of judges who prefer the chosen
    one. Rows without two molecules, without a readable answer, or that were skipped are left out and counted.

    Args:
        path: ``.csv``, ``.tsv`` or ``.parquet``, also packed (``.gz``).
        chosen: column of the preferred molecules.
        rejected: column of the others.
        answer: column of the answers, where there is one of this name; None: none is read.
        weight: column of weights, numbers above 0; None: every row weighs 1.
        standardise: what is done to each molecule; one that fails is left out with its reason.
        limit: rows read, the first ones.

    Raises:
        DataError: the file cannot be read, lacks a column, or no row holds a pair.
    """
    table, columns = PairTable(Path(path)), Columns()
    commas = columns_with_commas(path, [name for name in (answer, weight) if name is not None], column=chosen)
    table.commas = sorted(commas)
    places: _Places | None = None
    for record in iter_records(path, column=chosen, columns=columns):
        if limit is not None and table.rows >= limit:
            table.cut = True
            break
        table.rows += 1
        if places is None:
            places = _places(columns, (chosen, rejected, answer, weight), path)
        pair = _pair(record, places, standardise, (answer in commas, weight in commas))
        if isinstance(pair, str):
            table.drop(record.line, pair)
        else:
            table.pairs.append(pair)
    table.require(f"{path}: holds no pair of molecules")
    return table


@dataclass(frozen=True, slots=True)
class _Places:
    """Indices of the columns."""

    chosen: int
    rejected: int
    answer: int | None
    weight: int | None


def _places(columns: Columns, names: tuple[str, str, str | None, str | None], path: str | Path) -> _Places:
    """Where both molecules, the answers and the weights are."""
    chosen, rejected, answer, weight = names
    if columns.smiles is None or columns.lines:
        raise DataError(
            f"{path}: pairs are read from tables only; use .csv, .tsv or .parquet with the columns "
            f"{chosen} and {rejected}"
        )

    def wanted(name: str) -> int:
        place = chosen_column(columns.names, name, str(path))
        if place is None:
            raise DataError(f"{path}: no column '{name}'; the columns are: {', '.join(columns.names)}")
        return place

    other = wanted(rejected)
    if other == columns.smiles:
        raise DataError(f"{path}: '{chosen}' and '{rejected}' are the same column")
    return _Places(
        columns.smiles,
        other,
        None if answer is None else chosen_column(columns.names, answer, str(path)),
        None if weight is None else wanted(weight),
    )


def _pair(
    record: Record, places: _Places, standardise: Callable[[Molecule], Molecule], commas: tuple[bool, bool]
) -> JudgedPair | str:
    """The judgement in a row, or why there is none; ``commas``: whether answers and weights have decimal commas."""
    if record.problem is not None:
        return record.problem
    text = "" if places.answer is None else record.cells[places.answer].strip().lower()
    if text == SKIPPED:
        return "skipped: nobody said which is better"
    label = _label(with_point(text) if commas[0] else text)
    if label is None:
        return f"not an answer: {text[:40]!r}, which should be chosen, tie, skip or a number from 0 to 1"
    weight = 1.0
    if places.weight is not None:
        cell = record.cells[places.weight].strip()
        weight = finite_number(with_point(cell) if commas[1] else cell)
        if not weight > 0:
            return f"not a weight: {cell[:40]!r}, which should be a number above 0"
    molecules = []
    for place in (places.chosen, places.rejected):
        molecule = standardise(Molecule.from_smiles(record.cells[place]))
        if molecule.problem is not None:
            return molecule.problem
        molecules.append(molecule)
    return JudgedPair(record.line, molecules[0], molecules[1], label, weight)


def _label(text: str) -> float | None:
    if text in ANSWERS:
        return ANSWERS[text]
    number = finite_number(text)
    return number if 0 <= number <= 1 else None
