"""Tables with a header that a user gives, of whatever program: one reader for all that are no files of molecules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from molgfn.chemistry.files.layout import MARKS, said_mark, split
from molgfn.chemistry.files.rows import Row, rows
from molgfn.chemistry.files.text_files import text_lines, unpacked
from molgfn.errors import DataError


@dataclass(frozen=True)
class Table:
    """Texts in named columns.

    Attributes:
        where: the file, for messages.
        mark: what separates its cells.
        names: of the columns, W of them; none in an empty file.
        rows: below the header, empty lines left out; one that is no row of W cells has a ``problem``.
    """

    where: str
    mark: str
    names: list[str]
    rows: list[Row]

    def cells(self) -> Iterator[tuple[int, list[str]]]:
        """Line and W cells of each row.

        Raises:
            DataError: at the first that is no row.
        """
        for row in self.rows:
            if row.problem is not None:
                raise DataError(f"{self.where}, line {row.line}: {row.problem}")
            yield row.line, row.cells


def mark_of(header: str) -> str:
    """What separates the cells of a header: the one of ``MARKS`` by which it has most of them.

    A tab where none of them is there: what else is in the rows of one column belongs to their cells.
    """
    return max(("\t", *MARKS), key=lambda mark: len(split(header, mark)))


def read_table(path: str | Path) -> Table:
    """A table of texts: cells separated by one of ``MARKS``, as the header (or a line ``sep=;`` above it) says.

    Lines above the header that are empty or begin with ``#`` are passed over. The file may be packed with gzip, and in
    any encoding of ``text_files.text_lines``.

    Raises:
        DataError: it cannot be read, is no text, or two columns have one name.
    """
    where = str(path)
    with _lines(path) as lines:
        header, mark = _header(lines)
        if header is None:
            return Table(where, mark, [], [])
        names = split(header[1].rstrip("\r\n"), mark)
        if twice := [name for name in names if names.count(name) > 1]:
            raise DataError(f"{where}: two columns are called `{twice[0]}`")
        found = rows(lines, mark, lambda cells: len(cells) == len(names))
        return Table(where, mark, names, [_checked(row, len(names), mark) for row in found])


def column_names(path: str | Path) -> list[str]:
    """The names of the columns of a table, as ``read_table`` has them; its rows are not read."""
    with _lines(path) as lines:
        header, mark = _header(lines)
    return [] if header is None else split(header[1].rstrip("\r\n"), mark)


def text_of(path: str | Path) -> tuple[str, str]:
    """The text of a table from its header on, and what separates its cells.

    Raises:
        OSError: it cannot be read.
        DataError: it is no text.
    """
    with Path(path).open("rb") as raw, text_lines(unpacked(raw), str(path)) as lines:
        header, mark = _header(enumerate(lines, start=1))
        return ("" if header is None else header[1]) + lines.read(), mark


@contextmanager
def _lines(path: str | Path) -> Iterator[Iterator[tuple[int, str]]]:
    """The numbered lines of a file."""
    try:
        with Path(path).open("rb") as raw, text_lines(unpacked(raw), str(path)) as lines:
            yield enumerate(lines, start=1)
    except (OSError, EOFError, UnicodeError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _header(lines: Iterator[tuple[int, str]]) -> tuple[tuple[int, str] | None, str]:
    """The line of the header (None of an empty file), and what separates its cells."""
    mark = None
    for number, line in lines:
        if mark is None and (mark := said_mark(line)) is not None:
            continue
        if line.strip() and not line.startswith("#"):
            return (number, line), mark or mark_of(line.rstrip("\r\n"))
    return None, mark or MARKS[0]


def _checked(row: Row, width: int, mark: str) -> Row:
    """The row, with a problem where it has not ``width`` cells."""
    if row.problem is not None or len(row.cells) == width:
        return row
    cells = f"{len(row.cells)} cell{'' if len(row.cells) == 1 else 's'}"
    word = {"\t": "tab", ",": "comma", ";": "semicolon"}.get(mark, f"`{mark}`")
    why = f"{cells}, the header has {width}; a cell with a {word} in it stands in quotation marks"
    return Row(row.line, row.cells, why)
