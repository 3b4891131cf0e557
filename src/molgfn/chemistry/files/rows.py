"""Lines of text to the rows of a table. What cannot be a row is given too, with the reason, so that all are counted."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

#: a quoted cell of more lines than this is one whose quotation mark was not closed
_LONGEST = 1000
_OPEN = "quotation mark is not closed"
_UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        line: number (from 1) of its first line.
        cells: its cells, without blanks around them.
        problem: a reason, a colon and the text, where it is no row.
    """

    line: int
    cells: list[str]
    problem: str | None = None


def rows(lines: Iterable[tuple[int, str]], mark: str, is_row: Callable[[list[str]], bool]) -> Iterator[Row]:
    """The rows of a table; empty lines are passed over.

    A quoted cell may hold line breaks. Where the quotation mark is not closed, or the text up to the next one holds
    whole rows, only the line with the open mark is no row, and reading goes on with the line below it.

    Args:
        lines: (number, text) of each line.
        mark: separator of the cells.
        is_row: whether cells look like a row of this table; asked of lines within a quoted cell.
    """
    csv.field_size_limit(2**31 - 1)  # fingerprints and conformers are longer than the 131,072 that csv allows
    coming = iter(lines)
    again: deque[tuple[int, str]] = deque()
    while True:
        item = again.popleft() if again else next(coming, None)
        if item is None:
            return
        number, line = item
        if not line.strip(" \r\n"):
            continue
        if "\0" in line:
            yield Row(number, [], f"NUL byte: {line.strip()[:80]!r}")
            continue
        if '"' not in line:
            yield Row(number, [cell.strip() for cell in line.split(mark)])
            continue
        taken = [item]
        cells, problem = _quoted([line], mark)
        while problem == _UNFINISHED and len(taken) < _LONGEST:
            more = again.popleft() if again else next(coming, None)
            if more is None:
                break
            taken.append(more)
            if '"' in more[1]:
                cells, problem = _quoted([text for _, text in taken], mark)
        if cells is not None and len(taken) > 1 and _swallowed(cells, mark, is_row):
            cells = None
        if cells is None:
            why = problem if problem and len(taken) == 1 and problem != _UNFINISHED else _OPEN
            yield Row(number, [], f"{why}: {line.strip()[:80]}")
            again.extendleft(reversed(taken[1:]))
        else:
            yield Row(number, [cell.strip() for cell in cells])


def _quoted(lines: list[str], mark: str) -> tuple[list[str] | None, str]:
    """The cells of a row with quotation marks; or None and why not."""
    try:
        return next(csv.reader(lines, delimiter=mark, strict=True, skipinitialspace=mark != "\t")), ""
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            return None, _UNFINISHED
        return None, "quotation mark inside a cell"


def _swallowed(cells: list[str], mark: str, is_row: Callable[[list[str]], bool]) -> bool:
    """Whether a cell holds whole rows: its quotation mark was not closed, and what closed it opens another cell."""
    for place, cell in enumerate(cells):
        for line in cell.split("\n")[1:]:
            if is_row([part.strip() for part in line.split(mark)]):
                return True
        last = cell.split("\n")[-1].split(mark)  # the row that the closing mark stands in goes on in the next cells
        if "\n" in cell and len(last) > 1 and is_row([part.strip() for part in [*last, *cells[place + 1 :]]]):
            return True
    return False
