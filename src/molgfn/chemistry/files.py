"""Read SMILES files (.smi, .txt, .csv, .tsv, each also .gz), keeping the line number of everything."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from molgfn.chemistry.molecules import Molecule
from molgfn.errors import DataError

_SMILES_COLUMNS = ("smiles", "canonical_smiles", "canonicalsmiles", "smi", "molecule", "structure")


@dataclass
class MoleculeFile:
    """What a file of SMILES held.

    Attributes:
        path: the file.
        molecules: the valid ones, in order.
        lines: line number (from 1) of each molecule.
        problems: (line number, reason) of each line that is no molecule.
    """

    path: Path
    molecules: list[Molecule] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.molecules)


def read_molecules(path: str | Path, *, column: str | None = None, limit: int | None = None) -> MoleculeFile:
    """Read and parse a file of SMILES.

    Args:
        path: ``.csv`` and ``.tsv`` are tables; anything else has one SMILES a line, first word, ``#`` comments.
        column: name of the column of a table; by default one named "smiles" or the like, or the first column
            of a table without a header.
        limit: read at most this many lines with a SMILES.

    Raises:
        DataError: the file cannot be read, lacks the column, or holds no valid molecule.
    """
    content = MoleculeFile(Path(path))
    for count, (line, smiles) in enumerate(iter_smiles(path, column=column)):
        if limit is not None and count >= limit:
            break
        molecule = Molecule.from_smiles(smiles)
        if molecule.problem is None:
            content.molecules.append(molecule)
            content.lines.append(line)
        else:
            content.problems.append((line, molecule.problem))
    if not content.molecules:
        first = "; ".join(f"line {n}: {why}" for n, why in content.problems[:3]) or "the file is empty"
        raise DataError(f"{path}: no valid molecule ({first}); the file should hold one SMILES a line")
    return content


def iter_smiles(path: str | Path, *, column: str | None = None) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and text of each SMILES, unparsed; arguments and errors as in ``read_molecules``."""
    path = Path(path)
    suffixes = [s.lower() for s in path.suffixes]
    kind = next((s for s in reversed(suffixes) if s != ".gz"), "")
    with _open(path) as text:
        if kind in (".csv", ".tsv"):
            yield from _table(text, path, column, "\t" if kind == ".tsv" else ",")
        elif column is not None:
            raise DataError(f"{path}: a column ('{column}') can be chosen in .csv and .tsv files only")
        else:
            for number, line in enumerate(text, start=1):
                words = line.split()
                if words and not words[0].startswith("#"):
                    yield number, words[0]


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    """The file as text, unpacked; what cannot be read becomes a ``DataError``."""
    try:
        opener = gzip.open if path.suffix.lower() == ".gz" else open
        with opener(path, "rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            yield text
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as text ({error})") from error


def _table(text: TextIO, path: Path, column: str | None, delimiter: str) -> Iterator[tuple[int, str]]:
    rows = csv.reader(text, delimiter=delimiter)
    first = next(rows, None)
    if first is None:
        return
    index = _column(first, path, column)
    if index is None:  # no header: the first row is a molecule already
        index = 0
        yield rows.line_num, first[0]
    for row in rows:
        if row and (smiles := row[index].strip() if index < len(row) else ""):
            yield rows.line_num, smiles
        elif row:
            yield rows.line_num, ""


def _column(header: list[str], path: Path, column: str | None) -> int | None:
    """Index of the SMILES column; None where the table has no header."""
    names = [name.strip() for name in header]
    if column is not None:
        if column not in names:
            raise DataError(f"{path}: no column '{column}'; the columns are: {', '.join(names)}")
        return names.index(column)
    for wanted in _SMILES_COLUMNS:
        for index, name in enumerate(names):
            if name.lower() == wanted:
                return index
    if names and Molecule.from_smiles(names[0]).valid:
        return None
    raise DataError(f"{path}: no column of SMILES found; name one of: {', '.join(names)}")
