"""Molecules of a file or a named set, in standard form, with a report of what was left out and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypedDict, Unpack

from molgfn.chemistry.files.left_out import LeftOut, described
from molgfn.chemistry.files.reading import Columns, Record, iter_records, no_molecule, records_in
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.standardise import Standardisation
from molgfn.datasets.archives import open_member
from molgfn.datasets.processes import in_order
from molgfn.datasets.registry import DATASETS, dataset
from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE

#: nothing is changed and nothing is left out but what is no molecule
AS_IT_IS = Standardisation(salts="keep", duplicates="keep")
#: entries that one call of a worker process parses
_PORTION = 1000


def unfit(kind: ObjectKind, builder: str) -> str | None:
    """Why what is read here is of no use to a ``builder`` of objects of that kind; None where it is."""
    return None if kind is MOLECULE else f"gives {MOLECULE.plural}, but {builder} builds {kind.name} objects"


@dataclass
class ReadingReport:
    """What became of the entries of a file.

    Attributes:
        source: the file, or the name of the set.
        entries: how many were read.
        kept: how many of them are in what was returned.
        left_out: reason -> the others.
        cut: whether the source has more entries than the limit let through.
    """

    source: str
    entries: int = 0
    kept: int = 0
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    cut: bool = False

    def drop(self, line: int, problem: str) -> None:
        """Count an entry that is left out; ``problem`` is its reason, a colon, and what is said of it."""
        reason, _, detail = problem.partition(": ")
        self.left_out.setdefault(reason, LeftOut(reason)).add(line, detail)

    def summary(self) -> str:
        """One line for each reason, the most frequent first, after one for the whole."""
        lines = [f"{self.source}: {self.kept} of {self.entries} molecules kept"]
        lines += described(self.left_out)
        if self.cut:
            lines.append(f"  the others not read: limit={self.entries}")
        return "\n".join(lines)


@dataclass
class MoleculeSet:
    """The molecules of a file.

    Attributes:
        molecules: valid, standardised, in order.
        lines: line number (from 1) of each.
        report: what was left out.
    """

    molecules: list[Molecule]
    lines: list[int]
    report: ReadingReport

    def __len__(self) -> int:
        return len(self.molecules)


class ReadingOptions(TypedDict, total=False):
    """How a file of molecules, or a named set, is read: keywords of ``open_molecules`` and ``iter_molecules``."""

    #: of a table, that holds SMILES; None finds it
    column: str | None
    #: the file of a named set, where the user has it elsewhere
    path: str | Path | None
    #: most entries that are read, valid or not
    limit: int | None
    #: the rules; by default nothing is changed, and duplicates are kept
    standardise: Standardisation
    #: worker processes that parse. They start afresh, so a script needs ``if __name__ == "__main__"``
    jobs: int
    #: called with the number of entries read, now and then
    progress: Callable[[int], None] | None


def open_molecules(source: str | Path, **options: Unpack[ReadingOptions]) -> MoleculeSet:
    """All molecules of a file or a named set, in memory (about 4 kB each); ``iter_molecules`` goes without.

    Args:
        source: a file (see ``chemistry.files``), or the name of a set (``molgfn data list``), which is fetched where it
            is not here. A name goes before a file that is called the same: write ``./name`` for the file.
        options: see ``ReadingOptions``.

    Raises:
        DataError: the file cannot be read or fetched, lacks the column, or no molecule is left.
    """
    report = ReadingReport(str(source))
    content = MoleculeSet([], [], report)
    for line, molecule in iter_molecules(source, report=report, **options):
        content.lines.append(line)
        content.molecules.append(molecule)
    if not content.molecules:
        first = [(o.lines[0], f"{o.reason}: {o.example}") for o in report.left_out.values()]
        raise no_molecule(source, sorted(first))
    return content


def iter_molecules(
    source: str | Path, *, report: ReadingReport | None = None, **options: Unpack[ReadingOptions]
) -> Iterator[tuple[int, Molecule]]:
    """(line number, molecule) one by one; arguments and errors as in ``open_molecules``.

    ``report`` is filled in on the way. Nothing is raised where no molecule is left.
    """
    for record, molecule in iter_entries(source, report=report, **options):
        yield record.line, molecule


def iter_entries(
    source: str | Path,
    *,
    column: str | None = None,
    path: str | Path | None = None,
    limit: int | None = None,
    standardise: Standardisation = AS_IT_IS,
    jobs: int = 1,
    report: ReadingReport | None = None,
    progress: Callable[[int], None] | None = None,
    columns: Columns | None = None,
) -> Iterator[tuple[Record, Molecule]]:
    """(entry, molecule) of each that is kept, as ``iter_molecules``; with all its cells where ``columns`` is given."""
    report = ReadingReport(str(source)) if report is None else report
    seen: dict[str, int] = {}
    records = records_of(source, column=column, path=path, columns=columns)
    for portion, molecules in _parsed(islice(records, limit), standardise, jobs):
        for record, molecule in zip(portion, molecules, strict=True):
            report.entries += 1
            problem = molecule.problem
            if problem is None and standardise.duplicates == "drop":
                first = seen.setdefault(molecule.smiles, record.line)
                if first != record.line:
                    problem = f"duplicate: {molecule.smiles[:80]} is at line {first} already"
            if problem is not None:
                report.drop(record.line, problem)
                continue
            report.kept += 1
            yield record, molecule
        if progress is not None:
            progress(report.entries)
    report.cut = limit is not None and report.entries == limit and next(records, None) is not None


def records_of(
    source: str | Path,
    *,
    column: str | None = None,
    path: str | Path | None = None,
    columns: Columns | None = None,
) -> Iterator[Record]:
    """The entries of a file or a named set, not parsed; arguments and errors as in ``open_molecules``.

    ``columns`` is filled in, and makes the records keep all their cells.
    """
    named = isinstance(source, str) and source in DATASETS
    if not named and path is None and Path(source).exists():
        yield from iter_records(source, column=column, columns=columns)
        return
    if not named and path is not None and Path(source).is_file():
        raise DataError(f"{source}: is a file; a path beside it belongs to a named set (`molgfn data list`)")
    if not named and (Path(source).suffix or len(Path(source).parts) > 1):
        raise DataError(f"{source}: cannot be read (there is no such file)")
    known = dataset(str(source), "molecules")
    file = known.get(path)
    if known.member is None:
        with file.open("rb") as raw:
            yield from records_in(raw, known.file.name, where=str(file), column=column, columns=columns)
    else:
        with open_member(file, known.member) as raw:
            where = f"{file}, {known.member}"
            yield from records_in(raw, known.member, where=where, column=column, columns=columns)


def _parse(records: list[Record], standardise: Standardisation) -> list[Molecule]:
    return [standardise(record.molecule()) for record in records]


def _parsed(
    records: Iterator[Record], standardise: Standardisation, jobs: int
) -> Iterator[tuple[list[Record], list[Molecule]]]:
    """Portions of ``records`` with what became of them, in order."""
    portions = iter(lambda: list(islice(records, _PORTION)), [])
    if jobs == 1:
        for portion in portions:
            yield portion, _parse(portion, standardise)
        return
    yield from in_order(partial(_parse, standardise=standardise), portions, jobs=jobs)
