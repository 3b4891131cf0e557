"""Leads on the command line: one text, or a file of molecules or strings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from molgfn.errors import ConfigError, DataError
from molgfn.paths import COMPRESSED, ENDINGS


@dataclass(frozen=True)
class Given:
    """``texts``: of all entries, in order; ``numbers``: of each, where a column of numbers was asked for."""

    texts: list[str]
    numbers: Sequence[float] | None = None


def read_given(lead: str, *, column: str | None = None, number: str | None = None) -> Given:
    """Every entry of a file, whatever it is, or the one text.

    Args:
        lead: a path, a SMILES or a string; what ends as a file does is one.
        column: of a table.
        number: a column of numbers.

    Raises:
        DataError: the file cannot be read, has no entry, or a cell of ``number`` holds no number.
        ConfigError: there is no such column.
    """
    path = Path(lead)
    try:
        is_file = path.is_file()
    except OSError:  # a long text is no path
        is_file = False
    if not is_file:
        if path.suffix.lower() in ENDINGS | COMPRESSED or ("/" in lead and not _is_smiles(lead)):
            raise DataError(f"{lead}: no such file")
        if column or number:
            raise ConfigError(f"--{'column' if column else 'uncertainty'}: is of a file, but `{lead}` is one lead")
        return Given([lead])
    if path.suffix == ".txt" or (path.suffix in (".csv", ".tsv", ".tab") and _is_of_strings(path, column)):
        return _strings(path, column, number)
    from molgfn.datasets.given import GivenFile

    given = GivenFile.survey(path, column=column)
    if not given.entries:
        raise DataError(f"{path}: no line with a SMILES")
    if number is not None and number not in given.names:
        raise ConfigError(f"--uncertainty: {path} has no column `{number}` (there are {', '.join(given.names)})")
    texts: list[str] = []
    cells: list[str] = []
    for records, molecules in given.portions(1000):
        texts += [m.smiles if r.block and m.valid else r.text for r, m in zip(records, molecules, strict=True)]
        if number is not None:
            cells += given.beside(records)[number]
    return Given(texts, None if number is None else _numbers(cells, path, number))


def _is_smiles(text: str) -> bool:
    from molgfn.chemistry.molecules import Molecule

    return Molecule.from_smiles(text).valid


def _is_of_strings(path: Path, column: str | None) -> bool:
    from molgfn.chemistry.files.tables import column_names

    return column in (None, "string") and "string" in column_names(path)


def _strings(path: Path, column: str | None, number: str | None) -> Given:
    if path.suffix == ".txt":
        if column or number:
            raise ConfigError(f"{path}: has lines, not columns; give a .csv")
        lines = path.read_text(encoding="utf-8").splitlines()
        texts = [line.strip() for line in lines if line.strip()]
        if not texts:
            raise DataError(f"{path}: no line with a string")
        return Given(texts)
    from molgfn.chemistry.files.tables import read_table

    table = read_table(path)
    if number is not None and number not in table.names:
        raise ConfigError(f"--uncertainty: {path} has no column `{number}` (there are {', '.join(table.names)})")
    columns = dict(zip(table.names, zip(*(cells for _, cells in table.cells()), strict=True), strict=False))
    if not columns:
        raise DataError(f"{path}: has no strings")
    numbers = None if number is None else _numbers(columns[number], path, number)
    return Given(list(columns["string"]), numbers)


def _numbers(cells: Sequence[str], path: Path, name: str) -> list[float]:
    from molgfn.chemistry.files.numbers import with_points

    found = []
    for cell in with_points(cells):
        try:
            found.append(float(cell))
        except ValueError:
            raise DataError(f"{path}: `{cell}` in the column {name} is no number") from None
    return found
