"""Read files of molecules: SMILES (.smi, .txt), tables (.csv, .tsv, .parquet), structures (.sdf, .mol); also .gz.

Every entry keeps the number of its line (of its row in a .parquet file), and one that is no molecule keeps the reason.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from molgfn.chemistry.files.layout import (
    MARKS,
    SAMPLE,
    WORDS,
    Layout,
    chosen_column,
    find_layout,
    is_molecule,
    smiles_column,
)
from molgfn.chemistry.files.mol_blocks import structures
from molgfn.chemistry.files.rows import Row, rows
from molgfn.chemistry.files.text_files import PARQUET, text_lines, unpacked
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import DataError

_TABS_FIRST = tuple(sorted(MARKS, key=lambda mark: mark != "\t"))
_TABLES = {".csv": MARKS, ".tsv": _TABS_FIRST, ".tab": _TABS_FIRST}
_LINES = ("", ".smi", ".smiles", ".txt", ".can", ".ism", ".ismi", ".cxsmiles")
_STRUCTURES = (".sdf", ".sd", ".mol", ".mdl")
_PARQUET = (".parquet", ".pq")
#: what the first bytes of files of other formats look like
_FOREIGN = {
    "a MOL2 file": re.compile(r"@<TRIPOS>"),
    "a PDB file": re.compile(r"^(HEADER|TITLE|COMPND|CRYST1|REMARK|MODEL|ATOM|HETATM) {2}", re.MULTILINE),
    "an XYZ file": re.compile(r"\A\s*\d+\s*\n.*\n\s*[A-Z][a-z]?(\s+-?\d+\.\d*){3}"),
    "a list of InChIs": re.compile(r"\A\s*InChI=1"),
    "a web page or XML": re.compile(r"\A\s*<(\?xml|!doctype|html|cml)", re.IGNORECASE),
    "JSON": re.compile(r"\A\s*(\{|\[\s*[{\"])"),
}
_MOL_BLOCK = re.compile(r"^M  END\s*$|V[23]000\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a file, not parsed.

    Attributes:
        line: number (from 1) of its first line; of its row where the file is ``.parquet``.
        text: a SMILES, or a MOL block.
        block: it is a MOL block.
        problem: a reason, a colon and what is said of it, where it is no row of its table.
        cells: text of every column, that of the SMILES too; empty where they were not asked for.
    """

    line: int
    text: str
    block: bool = False
    problem: str | None = None
    cells: tuple[str, ...] = ()

    def molecule(self) -> Molecule:
        """Parse it; never raises. The ``problem`` begins with a named reason and a colon."""
        if self.problem is not None:
            return Molecule.failed(self.problem)
        return Molecule.from_mol_block(self.text) if self.block else Molecule.from_smiles(self.text)


@dataclass
class Columns:
    """What a file has beside its molecules: filled in while it is read.

    Attributes:
        names: of the columns, as the ``cells`` of a record have them. Of lines of SMILES: smiles and name; of an SD
            file: those of the data of its entries so far, with "name" for their titles. Of a table without a header:
            smiles, and "column 1" and the like.
        smiles: index of the column of SMILES; None for MOL blocks.
        types: of the columns of a .parquet file, as pyarrow has them.
        lines: it has lines of SMILES, the other words of which are names.
    """

    names: list[str] = field(default_factory=list)
    smiles: int | None = None
    types: list[Any] | None = None
    lines: bool = False


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
        path: ``.csv``, ``.tsv`` and ``.parquet`` are tables, ``.sdf`` and ``.mol`` hold MOL blocks; ``.smi``, ``.txt``
            and files without an ending have one SMILES a line, first word, ``#`` comments. A ``.csv`` may be separated
            by semicolons, tabs or ``|`` as well.
        column: name of the column of a table, or its number from 1; by default one named "smiles" or the like, or that
            which holds SMILES in a table without a header.
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
    """Line number (from 1) and text of each SMILES, unparsed; arguments and errors as in ``read_molecules``.

    What is no row of a table is left out; ``iter_records`` says what.
    """
    for record in iter_records(path, column=column):
        if record.block:
            raise DataError(f"{path}: holds MOL blocks, not SMILES; `read_molecules` reads them")
        if record.problem is None:
            yield record.line, record.text


def iter_records(path: str | Path, *, column: str | None = None, columns: Columns | None = None) -> Iterator[Record]:
    """The entries of a file, one by one; arguments and errors as in ``read_molecules``.

    ``columns`` is filled in, and makes the records keep all their cells.
    """
    try:
        with Path(path).open("rb") as raw:
            yield from records_in(raw, Path(path).name, where=str(path), column=column, columns=columns)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def records_in(
    raw: BinaryIO, name: str, *, where: str, column: str | None = None, columns: Columns | None = None
) -> Iterator[Record]:
    """The entries of an open file.

    Args:
        raw: its bytes, as they are stored; closed at the end.
        name: of the file; its ending says what it is. Packed files (gzip) are known by their bytes.
        where: what messages call it.
        column: as in ``read_molecules``.
        columns: filled in; see ``iter_records``.

    Raises:
        DataError: it cannot be read, or lacks the column.
    """
    kind = _kind(name, where)
    try:
        plain = unpacked(raw)
        head = plain.peek(4096)
        if name.lower().endswith(".gz") and plain is raw and head:
            raise DataError(f"{where}: cannot be read as {kind or 'text'} (it is not packed with gzip, as .gz says)")
        if kind in _PARQUET or head.startswith(PARQUET):
            yield from _parquet(plain, where, column, columns)
            return
        with text_lines(plain, where) as text:
            start = "".join(islice(text, SAMPLE))
            lines = chain(io.StringIO(start), text)
            if kind in _STRUCTURES or (kind in _LINES and kind != ".smi" and _MOL_BLOCK.search(start)):
                if column is not None:
                    raise DataError(f"{where}: a column ('{column}') can be chosen in tables only, not of MOL blocks")
                yield from _blocks(lines, columns)
            else:
                _refuse_foreign(start, where)
                marks = _TABLES.get(kind, (WORDS, *_TABS_FIRST))
                yield from _table(start, lines, where, column, marks, columns)
    except (EOFError, OSError, UnicodeError, csv.Error, zlib.error) as error:
        hint = "; save it as UTF-8" if isinstance(error, UnicodeError) else ""
        raise DataError(f"{where}: cannot be read as {kind or 'text'} ({error}){hint}") from error


def _kind(name: str, where: str) -> str:
    """The ending that says what a file is."""
    endings = [ending.lower() for ending in Path(name).suffixes]
    kind = next((ending for ending in reversed(endings) if ending != ".gz"), "")
    if kind in (*_TABLES, *_LINES, *_STRUCTURES, *_PARQUET):
        return kind
    extra = "; save the sheet as .csv" if kind in (".xlsx", ".xls", ".ods") else ""
    raise DataError(
        f"{where}: `{kind}` is not read{extra}; use .smi or .txt (one SMILES a line), .csv, .tsv or .parquet (tables), "
        "or .sdf or .mol (MOL blocks), each also .gz"
    )


def _refuse_foreign(start: str, where: str) -> None:
    for what, pattern in _FOREIGN.items():
        if pattern.search(start):
            raise DataError(
                f"{where}: looks like {what}, which is not read; use SMILES, a table of them, or MOL blocks"
            )


def _blocks(lines: Iterable[str], columns: Columns | None) -> Iterator[Record]:
    for found in structures(lines):
        cells: tuple[str, ...] = ()
        if columns is not None:
            columns.names += [name for name in found.fields if name not in columns.names]
            cells = tuple(found.fields.get(name, "") for name in columns.names)
        yield Record(found.line, found.block, block=True, cells=cells)


def _table(
    start: str,
    lines: Iterable[str],
    where: str,
    column: str | None,
    marks: tuple[str, ...],
    columns: Columns | None,
) -> Iterator[Record]:
    sample = list(enumerate(start.split("\n")[:SAMPLE], start=1))
    if not start.strip():
        return
    layout = find_layout(sample, marks, where, column)
    first = layout.header or next((n for n, text in sample if text.strip() and not _above(text)), 1) - 1
    for number, text in layout.above:
        yield Record(number, "", problem=f"above the header: {text.strip()[:80]}")
    numbered = islice(enumerate(lines, start=1), first, None)
    words = layout.mark == WORDS
    if columns is not None:
        columns.names[:] = ["smiles", "name"] if words else layout.columns
        if not words and not layout.header:
            columns.names[:] = ["smiles" if i == layout.smiles else f"column {i + 1}" for i in range(layout.width)]
        columns.smiles, columns.lines = 0 if words else layout.smiles, words
    found = _words(numbered, layout) if words else _rows(numbered, layout)
    for row in found:
        if row.problem is not None:
            yield Record(row.line, "", problem=row.problem)
        elif words:
            yield Record(row.line, row.cells[0], cells=() if columns is None else tuple(row.cells))
        else:
            yield Record(row.line, row.cells[layout.smiles], cells=() if columns is None else tuple(row.cells))


def _above(text: str) -> bool:
    """Whether a line above the first row of a table without a header says nothing of molecules."""
    return text.startswith("#") or text.strip(' "').lower().startswith("sep=")


def _words(lines: Iterable[tuple[int, str]], layout: Layout) -> Iterator[Row]:
    """Lines of words: the SMILES, and the other words as a name; comments and empty lines are passed over."""
    for number, line in lines:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if "\0" in line:
            yield Row(number, [], f"NUL byte: {line.strip()[:80]!r}")
            continue
        smiles = words.pop(layout.smiles) if layout.smiles < len(words) else ""
        yield Row(number, [smiles, " ".join(words)])


def _rows(lines: Iterable[tuple[int, str]], layout: Layout) -> Iterator[Row]:
    """Rows of cells, each as wide as the table; others are problems."""
    width, index = layout.width, layout.smiles
    against = f"the header has {width}" if layout.header else f"most rows have {width}"

    def is_row(cells: list[str]) -> bool:
        return len(cells) == width and is_molecule(cells[index])

    for row in rows(lines, layout.mark, is_row):
        extra = len(row.cells) - width
        if row.problem is None and extra > 0 and not any(row.cells[width:]):
            yield Row(row.line, row.cells[:width])  # Excel adds empty cells
        elif row.problem is None and extra:
            what = "too many cells" if extra > 0 else "too few cells"
            cells = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
            yield Row(row.line, [], f"{what}: {cells}, {against}")
        else:
            yield row


def _parquet(raw: BinaryIO, where: str, column: str | None, columns: Columns | None) -> Iterator[Record]:
    import pyarrow
    import pyarrow.parquet

    try:
        # what is packed has no random access, so it is unpacked whole
        file = pyarrow.parquet.ParquetFile(
            raw if isinstance(raw, io.BufferedReader) and _seeks(raw) else io.BytesIO(raw.read())
        )
        schema = file.schema_arrow
        names = list(schema.names)
        index = smiles_column(names, where) if column is None else chosen_column(names, column, where)
        if index is None:
            listed = ", ".join(names)
            if column is not None:
                raise DataError(f"{where}: no column '{column}'; the columns are: {listed}")
            raise DataError(f"{where}: no column of SMILES found; name one of: {listed} (or give its number)")
        if columns is not None:
            columns.names[:], columns.smiles, columns.types = names, index, list(schema.types)
        row = 0
        for batch in file.iter_batches(columns=None if columns is not None else [names[index]]):
            table = [["" if v is None else str(v).strip() for v in values.to_pylist()] for values in batch.columns]
            smiles = table[index if columns is not None else 0]
            for i, text in enumerate(smiles):
                row += 1
                yield Record(row, text, cells=() if columns is None else tuple(values[i] for values in table))
    except pyarrow.ArrowException as error:
        raise DataError(f"{where}: cannot be read as .parquet ({error})") from error


def _seeks(raw: io.BufferedReader) -> bool:
    return isinstance(raw.raw, io.FileIO)
