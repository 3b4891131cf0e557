"""Files of molecules cut into fragments, and put together of fragments: in a stream, on several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import ClassVar, TypeVar

from molgfn.chemistry.files.reading import Record
from molgfn.chemistry.fragments.build import VocabularyBuilder
from molgfn.chemistry.fragments.coverage import Rebuilder
from molgfn.chemistry.fragments.cutting import cut
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.standardise import Standardisation
from molgfn.datasets.processes import in_order
from molgfn.datasets.reading import ReadingReport, records_of
from molgfn.errors import DataError

#: of a salt the largest part counts, as everywhere; a molecule that is there twice counts twice
STANDARD = Standardisation(duplicates="keep")
_PORTION = 500
_MOST_MISSING = 5
_R = TypeVar("_R")


def count_pieces(
    source: str | Path,
    *,
    column: str | None = None,
    limit: int | None = None,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> tuple[VocabularyBuilder, bool]:
    """The pieces of all molecules of a file or a named set, counted as they come; the same for any number of jobs.

    Args:
        source: see ``open_molecules``.
        column: of a table, that holds SMILES.
        limit: read at most this many entries.
        jobs: worker processes.
        progress: called with the number of entries done, now and then.

    Returns:
        The builder, and whether the source has more entries than the limit let through.

    Raises:
        DataError: the file cannot be read.
    """
    builder, done = VocabularyBuilder(), 0
    records = records_of(source, column=column)
    for portion, found in _portions(_cut, islice(records, limit), jobs):
        for record, (pieces, salt) in zip(portion, found, strict=True):
            builder.add(record.line, pieces, salt=salt)
        done += len(portion)
        if progress is not None:
            progress(done)
    return builder, limit is not None and done == limit and next(records, None) is not None


@dataclass
class FileCoverage:
    """How many molecules of a file trees of fragments build.

    Attributes:
        report: of the reading.
        rebuilt: number of molecules for each of the rules of joins that were asked for.
        missing: (line, SMILES) of the first molecules that are not built under the first rule.
    """

    report: ReadingReport
    rebuilt: list[int]
    missing: list[tuple[int, str]] = field(default_factory=list)

    def share(self, rule: int = 0) -> float:
        """Of the molecules that could be read; 0 where there is none."""
        return self.rebuilt[rule] / self.report.kept if self.report.kept else 0.0


def file_coverage(
    source: str | Path,
    vocabulary: Vocabulary,
    *,
    joins: Sequence[str | None] = (None,),
    max_fragments: int = 9,
    column: str | None = None,
    limit: int | None = None,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> FileCoverage:
    """Which molecules of a file trees of fragments build; the same for any number of jobs.

    Args:
        source: see ``open_molecules``.
        vocabulary: the fragments.
        joins: rules of joins, see ``resolve_joins``; each is looked at.
        max_fragments: size limit of a tree.
        column: of a table, that holds SMILES.
        limit: read at most this many entries.
        jobs: worker processes.
        progress: called with the number of entries done, now and then.

    Raises:
        DataError: the file cannot be read, or no molecule is left.
    """
    result = FileCoverage(ReadingReport(str(source)), [0] * len(joins))
    report, rebuild = result.report, _Rebuild(vocabulary, max_fragments, tuple(joins))
    records = records_of(source, column=column)
    for portion, found in _portions(rebuild, islice(records, limit), jobs):
        for record, (rebuilt, text) in zip(portion, found, strict=True):
            report.entries += 1
            if not rebuilt:
                report.drop(record.line, text)
                continue
            report.kept += 1
            for rule, yes in enumerate(rebuilt):
                result.rebuilt[rule] += yes
            if not rebuilt[0] and len(result.missing) < _MOST_MISSING:
                result.missing.append((record.line, text))
        if progress is not None:
            progress(report.entries)
    report.cut = limit is not None and report.entries == limit and next(records, None) is not None
    if not report.kept:
        raise DataError(f"no molecule to take apart; {report.summary()}")
    return result


class _Rebuild:
    """Work on a portion; what it needs is made once in each process, not sent along."""

    _made: ClassVar[dict[tuple[Vocabulary, int, tuple[str | None, ...]], list[Rebuilder]]] = {}

    def __init__(self, vocabulary: Vocabulary, max_fragments: int, joins: tuple[str | None, ...]) -> None:
        self._key = vocabulary, max_fragments, joins

    def __call__(self, records: list[Record]) -> list[tuple[list[bool], str]]:
        """Per record whether it is rebuilt under each rule, and its SMILES; or nothing and the reason."""
        if self._key not in self._made:
            vocabulary, most, joins = self._key
            self._made.clear()
            self._made[self._key] = [Rebuilder(vocabulary, max_fragments=most, joins=rule) for rule in joins]
        found = []
        for record in records:
            molecule = STANDARD(record.molecule())
            if molecule.problem is not None:
                found.append(([], molecule.problem))
            else:
                found.append(([rebuilds(molecule) for rebuilds in self._made[self._key]], molecule.smiles))
        return found


def _cut(records: list[Record]) -> list[tuple[list[str] | str, bool]]:
    """Pieces of each record, or the reason why there are none; and whether it was a salt."""
    found = []
    for record in records:
        molecule = record.molecule()
        kept: Molecule = STANDARD(molecule)
        found.append((cut(kept), "." in molecule.smiles))
    return found


def _portions(
    work: Callable[[list[Record]], _R], records: Iterator[Record], jobs: int
) -> Iterator[tuple[list[Record], _R]]:
    portions = iter(lambda: list(islice(records, _PORTION)), [])
    if jobs == 1:
        return ((portion, work(portion)) for portion in portions)
    return in_order(work, portions, jobs=jobs)
