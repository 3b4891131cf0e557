"""Numbers in the cells of tables, also those written with a decimal comma, as spreadsheets of half of the world do.

Whether a comma is decimal is decided once for a whole column, and only where no other reading is possible: ``0,5`` and
``6,94`` cannot be thousands, ``1,234`` could. A column that has decimal points as well is left as it is.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from molgfn.chemistry.files.layout import chosen_column
from molgfn.chemistry.files.reading import Columns, iter_records
from molgfn.chemistry.files.tables import text_of

if TYPE_CHECKING:
    import pandas as pd

_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?(\d*|[1-9]\d{0,2}(\.\d{3})+),\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


def has_decimal_commas(cells: Iterable[str]) -> bool:
    """Whether the numbers of a column are written with decimal commas: some can be read so only, and none otherwise."""
    certain = False
    for cell in map(str.strip, cells):
        if _COMMA.fullmatch(cell):
            certain = certain or not _THOUSANDS.fullmatch(cell)
        elif "." in cell and _POINT.fullmatch(cell.replace(",", "")):
            return False
    return certain


def with_points(cells: Sequence[str]) -> list[str]:
    """The cells of a column, their decimal commas as points where it has them; ``1.234,5`` is 1234.5."""
    if not has_decimal_commas(cells):
        return list(cells)
    return [with_point(cell) for cell in cells]


def with_point(cell: str) -> str:
    """A cell of a column that has decimal commas; what is no such number stays as it is."""
    text = cell.strip()
    return text.replace(".", "").replace(",", ".") if _COMMA.fullmatch(text) else cell


def said_of(name: str) -> str:
    """What is told of a column that has decimal commas."""
    return f"`{name}`: decimal commas (0,5 is read as 0.5)"


def finite_number(text: str) -> float:
    """The finite number in a cell, with a decimal point; NaN where there is none."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def columns_with_commas(path: str | Path, names: Sequence[str], *, column: str | None = None) -> frozenset[str]:
    """Those of the named columns of a file of molecules that have decimal commas; one that is not there has none.

    Args:
        path: see ``reading.read_molecules``, of which the errors are.
        names: as ``layout.chosen_column`` takes them.
        column: of the SMILES, as there.
    """
    columns, cells = Columns(), {name: list[str]() for name in names}
    for record in iter_records(path, column=column, columns=columns):
        if columns.lines:
            return frozenset()
        for name, found in cells.items():
            place = chosen_column(columns.names, name, str(path))
            if record.problem is None and place is not None and place < len(record.cells):
                found.append(record.cells[place])
    return frozenset(name for name, found in cells.items() if has_decimal_commas(found))


def number_table(path: Path) -> pd.DataFrame:
    """A table as ``tables.read_table`` finds it, its columns of numbers as such. Numbers with decimal commas are texts
    with points, for ``pandas.to_numeric``.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no table.
        DataError: it is no text.
    """
    import pandas as pd

    text, mark = text_of(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = pd.read_csv(io.StringIO(text), sep=mark, index_col=False)
        except pd.errors.ParserWarning:
            raise ValueError("rows have more cells than the header has") from None
    for name in table.columns:
        if table[name].dtype.kind not in "biuf":
            cells = table[name].fillna("").astype(str).tolist()
            if has_decimal_commas(cells):
                table[name] = with_points(cells)
    return table
