"""Read files of molecules: SMILES (.smi, .txt), tables (.csv, .tsv, .parquet), structures (.sdf, .mol); also .gz.

Every entry keeps the number of its line (of its row in a .parquet file), and one that is no molecule keeps the reason.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from rdkit import Chem

from molgfn.chemistry.molecules import Molecule
from molgfn.errors import DataError

_SMILES_COLUMNS = ("smiles", "canonical_smiles", "canonicalsmiles", "smi", "molecule", "structure")
_TABLES = {".csv": ",", ".tsv": "\t"}
_STRUCTURES = (".sdf", ".sd", ".mol")
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a file, not parsed.

    Attributes:
        line: number (from 1) of its first line; of its row where the file is ``.parquet``.
        text: a SMILES, or a MOL block.
        block: it is a MOL block.
    """

    line: int
    text: str
    block: bool = False

    def molecule(self) -> Molecule:
        """Parse it; never raises. The ``problem`` begins with a named reason and a colon."""
        return _from_block(self.text) if self.block else _from_smiles(self.text)


@dataclass
class MoleculeFile:
    """What a file of molecules held.

    Attributes:
        path: the file.
        molecules: the valid ones, in order.
        lines: line number (from 1) of each molecule.
        problems: (line number, reason) of each entry that is no molecule.
    """

    path: Path
    molecules: list[Molecule] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.molecules)


def read_molecules(path: str | Path, *, column: str | None = None, limit: int | None = None) -> MoleculeFile:
    """Read and parse a file of molecules.

    Args:
        path: ``.csv``, ``.tsv`` and ``.parquet`` are tables, ``.sdf`` and ``.mol`` hold MOL blocks; anything else has
            one SMILES a line, first word, ``#`` comments. A ``.csv`` may be separated by semicolons or tabs as well.
        column: name of the column of a table; by default one named "smiles" or the like, or the first column
            of a table without a header.
        limit: read at most this many entries.

    Raises:
        DataError: the file cannot be read, lacks the column, or holds no valid molecule.
    """
    content = MoleculeFile(Path(path))
    for count, record in enumerate(iter_records(path, column=column)):
        if limit is not None and count >= limit:
            break
        molecule = record.molecule()
        if molecule.problem is None:
            content.molecules.append(molecule)
            content.lines.append(record.line)
        else:
            content.problems.append((record.line, molecule.problem))
    if not content.molecules:
        raise no_molecule(path, content.problems)
    return content


def no_molecule(where: str | Path, problems: Iterable[tuple[int, str]]) -> DataError:
    """The error of a file without a valid molecule: its first (line, reason) pairs, and what it should hold."""
    first = "; ".join(f"line {n}: {why}" for n, why in list(problems)[:3]) or "the file is empty"
    return DataError(f"{where}: no valid molecule ({first}); the file should hold one SMILES a line, or MOL blocks")


def iter_smiles(path: str | Path, *, column: str | None = None) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and text of each SMILES, unparsed; arguments and errors as in ``read_molecules``."""
    if _kind(Path(path).name) in _STRUCTURES:
        raise DataError(f"{path}: holds MOL blocks, not SMILES; `read_molecules` reads them")
    for record in iter_records(path, column=column):
        yield record.line, record.text


def iter_records(path: str | Path, *, column: str | None = None) -> Iterator[Record]:
    """The entries of a file, one by one; arguments and errors as in ``read_molecules``."""
    try:
        with Path(path).open("rb") as raw:
            yield from records_in(raw, Path(path).name, where=str(path), column=column)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def records_in(raw: BinaryIO, name: str, *, where: str, column: str | None = None) -> Iterator[Record]:
    """The entries of an open file.

    Args:
        raw: its bytes, as they are stored; closed at the end.
        name: of the file; its ending says what it is, and ``.gz`` that it is packed.
        where: what messages call it.
        column: as in ``read_molecules``.

    Raises:
        DataError: it cannot be read, or lacks the column.
    """
    kind = _kind(name)
    if column is not None and kind not in (*_TABLES, *_PARQUET):
        raise DataError(f"{where}: a column ('{column}') can be chosen in .parquet, .csv and .tsv files only")
    try:
        plain: BinaryIO = gzip.GzipFile(fileobj=raw) if name.lower().endswith(".gz") else raw  # type: ignore[assignment]
        if kind in _PARQUET:
            yield from _parquet(plain, where, column)
        elif kind in _TABLES:
            with _text(plain, newline="") as text:
                yield from _table(text, where, column, _TABLES[kind])
        elif kind in _STRUCTURES:
            with _text(plain, errors="replace") as text:  # names and remarks come in any encoding
                yield from _blocks(text)
        else:
            with _text(plain) as text:
                yield from _smiles_lines(text)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise DataError(f"{where}: cannot be read as {kind or 'text'} ({error})") from error


def _kind(name: str) -> str:
    """The ending that says what a file is."""
    return next((s for s in reversed([s.lower() for s in Path(name).suffixes]) if s != ".gz"), "")


def _text(raw: BinaryIO, *, newline: str | None = None, errors: str = "strict") -> io.TextIOWrapper:
    return io.TextIOWrapper(raw, encoding="utf-8-sig", newline=newline, errors=errors)


def _smiles_lines(lines: Iterable[str]) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        words = line.split()
        header = number == 1 and bool(words) and words[0].lower() in _SMILES_COLUMNS
        if words and not words[0].startswith("#") and not header:
            yield Record(number, words[0])


def _blocks(lines: Iterable[str]) -> Iterator[Record]:
    block: list[str] = []
    start, ended = 1, False  # after "M  END" come data of the user, which are not read
    for number, line in enumerate(lines, start=1):
        if line.startswith("$$$$"):
            yield Record(start, "".join(block), block=True)
            block, start, ended = [], number + 1, False
        elif not ended:
            block.append(line)
            ended = line.startswith("M  END")
    if any(line.strip() for line in block):
        yield Record(start, "".join(block), block=True)


def _table(lines: Iterable[str], where: str, column: str | None, delimiter: str) -> Iterator[Record]:
    lines = iter(lines)
    top = next(lines, None)
    if top is None:
        return
    if delimiter == ",":  # what people call .csv is separated by other marks, too; the first of equals wins
        delimiter = max((",", ";", "\t"), key=lambda mark: len(next(csv.reader([top], delimiter=mark))))
    rows = csv.reader(chain([top], lines), delimiter=delimiter)
    first = next(rows)
    index = _column(first, where, column)
    if index is None:  # no header: the first row is a molecule already
        index = 0
        yield Record(rows.line_num, first[0])
    for row in rows:
        if row:
            yield Record(rows.line_num, row[index].strip() if index < len(row) else "")


def _parquet(raw: BinaryIO, where: str, column: str | None) -> Iterator[Record]:
    import pyarrow
    import pyarrow.parquet

    try:
        # a packed file has no random access, so it is unpacked whole
        file = pyarrow.parquet.ParquetFile(raw if not isinstance(raw, gzip.GzipFile) else io.BytesIO(raw.read()))
        names = file.schema_arrow.names
        name = names[_column(names, where, column, headless=False) or 0]
        row = 0
        for batch in file.iter_batches(columns=[name]):
            for value in batch.column(0).to_pylist():
                row += 1
                yield Record(row, str(value).strip() if value is not None else "")
    except pyarrow.ArrowException as error:
        raise DataError(f"{where}: cannot be read as .parquet ({error})") from error


def _column(header: list[str], where: str, column: str | None, *, headless: bool = True) -> int | None:
    """Index of the SMILES column; None where the table has no header."""
    names = [name.strip() for name in header]
    if column is not None:
        if column not in names:
            raise DataError(f"{where}: no column '{column}'; the columns are: {', '.join(names)}")
        return names.index(column)
    for wanted in _SMILES_COLUMNS:
        for index, name in enumerate(names):
            if name.lower() == wanted:
                return index
    if headless and names and Molecule.from_smiles(names[0]).valid:
        return None
    raise DataError(f"{where}: no column of SMILES found; name one of: {', '.join(names)}")


def _from_smiles(text: str) -> Molecule:
    molecule = Molecule.from_smiles(text)
    if molecule.valid or not text.strip():
        return molecule
    loose = Chem.MolFromSmiles(text.strip(), sanitize=False)
    if loose is None or loose.GetNumAtoms() == 0:
        return molecule
    return Molecule.failed(f"{_impossible(loose) or 'not a SMILES'}: {text.strip()[:80]}")


def _from_block(text: str) -> Molecule:
    mol = Chem.MolFromMolBlock(text)
    if mol is not None:
        return Molecule(mol, Chem.MolToSmiles(mol)) if mol.GetNumAtoms() else Molecule.failed("no atoms: MOL block")
    name = text.partition("\n")[0].strip()[:80] or "without a name"
    loose = Chem.MolFromMolBlock(text, sanitize=False)
    return Molecule.failed(f"{(loose is not None and _impossible(loose)) or 'broken MOL block'}: {name}")


def _impossible(mol: Chem.Mol) -> str | None:
    """Why a structure that can be read is no molecule."""
    flag = Chem.SanitizeMol(mol, catchErrors=True)
    if flag == Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    named = {Chem.SanitizeFlags.SANITIZE_PROPERTIES: "valence", Chem.SanitizeFlags.SANITIZE_KEKULIZE: "aromaticity"}
    return named.get(flag, f"sanitisation ({str(flag).removeprefix('SANITIZE_').lower()})")
