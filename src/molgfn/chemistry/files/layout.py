"""How a table of molecules is laid out: its separator, its header, and the column of SMILES."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rdkit import Chem

from molgfn.errors import DataError

#: what may separate the cells of a table, the likeliest first
MARKS = (",", ";", "\t", "|")
#: what columns of SMILES are called, without marks and in small letters, the likeliest first
_NAMES = ("smiles", "canonicalsmiles", "isomericsmiles", "smi", "molecule", "structure")
_VAGUE = ("molecule", "structure")
#: lines that are looked at
SAMPLE = 64
#: the mark of lines of words: a SMILES, and what is said of it
WORDS = " "


@dataclass(frozen=True)
class Layout:
    """Where things are in a table.

    Attributes:
        mark: separator of the cells; ``WORDS`` where any blanks separate them and rows need not be equally wide.
        columns: names of the columns; "1", "2" and so on where there is no header.
        header: line number (from 1) of the header; 0 where there is none.
        smiles: index of the column of SMILES.
        width: cells of a row: of the header, or of most rows where there is none.
        above: (line number, text) of lines above the table that are no comments.
    """

    mark: str
    columns: list[str]
    header: int
    smiles: int
    width: int
    above: list[tuple[int, str]]


def split(line: str, mark: str) -> list[str]:
    """The cells of one line, without blanks around them."""
    if mark == WORDS:
        return line.split()
    if '"' in line:
        try:
            return [c.strip() for c in next(csv.reader([line], delimiter=mark, skipinitialspace=mark != "\t"))]
        except csv.Error:
            return []
    return [cell.strip() for cell in line.split(mark)]


def said_mark(line: str) -> str | None:
    """The separator that a first line ``sep=;`` says, as spreadsheets write it; None of another line."""
    if said := re.fullmatch(r"\"?sep=(.)\"?", line.strip(), re.IGNORECASE):
        return said[1]
    return "\t" if line.strip(' "\t\r\n').lower() == "sep=" else None  # a tab is stripped


def is_molecule(text: str) -> bool:
    """Whether a cell holds a SMILES, perhaps with a name behind it."""
    words = text.split(maxsplit=1)
    if not words or not words[0].isascii() or not any(c.isalpha() for c in words[0]):
        return False
    mol = Chem.MolFromSmiles(words[0])
    return mol is not None and mol.GetNumAtoms() > 0


def find_layout(lines: Sequence[tuple[int, str]], marks: Sequence[str], where: str, column: str | None) -> Layout:
    """The layout of a table from its first lines: by the separator that gives a column of SMILES.

    A column that is called so goes before one that only holds them; ``sep=;`` says the separator; comments (``#``) and
    empty lines above the table are passed over.

    Args:
        lines: (number, text) of the first lines.
        marks: separators to try, the likeliest first.
        where: what messages call the file.
        column: name of the column that is wanted, or its number from 1; None for that of the SMILES.

    Raises:
        DataError: there is no such column, or none of SMILES.
    """
    lines = [(number, text.rstrip("\r\n")) for number, text in lines if text.strip()]
    if lines and (said := said_mark(lines[0][1])) is not None:
        marks, lines = (said,), lines[1:]
    comments = [(number, text) for number, text in lines if text.startswith("#")]
    body = [(number, text) for number, text in lines if not text.startswith("#")]
    if not body:
        return Layout(marks[0], ["1"], 0, 0, 1, [])
    found = _named(body, marks, where, column) or _commented(comments, body, marks, column)
    if found is None and (column is None or column.isdigit()):
        found = _headless(body, marks, where, column)
    if found is not None:
        return found
    if column is None and WORDS in marks:
        return Layout(WORDS, ["1"], 0, 0, 1, [])  # what its lines are instead is said of each
    if column is not None:
        if any(column == cell for mark in marks for cell in split(body[0][1], mark)) and is_molecule(column):
            raise DataError(
                f"{where}: '{column}' is a molecule of the first row, not the name of a column; the table has no "
                "header, so give the number of the column, such as 2"
            )
        raise DataError(f"{where}: no column '{column}'; the columns are: {', '.join(_best_names(body, marks))}")
    names = _best_names(body, marks)
    raise DataError(f"{where}: no column of SMILES found; name one of: {', '.join(names)} (or give its number)")


def smiles_column(names: Sequence[str], where: str) -> int | None:
    """Index of the column that is called SMILES or the like; None where none is.

    Raises:
        DataError: several are, so that one has to be chosen.
    """
    plain = [_letters(name) for name in names]
    for wanted in _NAMES:
        if wanted in plain:
            return _only(names, names[plain.index(wanted)], where)
    held = [i for i, name in enumerate(plain) if "smiles" in name]
    if len(held) > 1:
        listed = ", ".join(names[i] for i in held)
        raise DataError(f"{where}: several columns may hold the SMILES; choose one of: {listed}")
    return held[0] if held else None


def chosen_column(names: Sequence[str], column: str, where: str) -> int | None:
    """Index of the column of a name, in any case, or of a number from 1; None where there is none."""
    name = column.strip()
    if name in names:
        return _only(names, name, where)
    alike = [i for i, other in enumerate(names) if other.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0]
    return int(name) - 1 if name.isdigit() and 1 <= int(name) <= len(names) else None


def _named(body: list[tuple[int, str]], marks: Sequence[str], where: str, column: str | None) -> Layout | None:
    """By a header: the first line with the name that is wanted, unless a line above it is a molecule's already."""
    best: tuple[tuple[int, ...], Layout] | None = None
    for rank, mark in enumerate(marks):
        for place, (number, text) in enumerate(body[:20]):
            names = split(text, mark)
            if column is None:
                index = smiles_column(names, where)
                if (
                    index is not None
                    and _letters(names[index]) in _VAGUE
                    and not _holds(body[place + 1 :], mark, index)
                ):
                    index = None
            elif column.strip().isdigit() and column.strip() not in names:
                known = smiles_column(names, where)
                index = chosen_column(names, column, where) if known is not None else None
            else:
                index = chosen_column(names, column, where)
                if index is not None and is_molecule(names[index]):
                    index = None
            if index is None:
                continue
            if mark == WORDS and index and not _holds(body[place + 1 :], mark, index):
                continue  # a sentence that speaks of SMILES
            if any(is_molecule(cell) for _, above in body[:place] for cell in split(above, mark)[:8] if len(cell) > 1):
                break
            like = sum(len(split(row, mark)) == len(names) for _, row in body[place + 1 :])
            whole = not any(other in names[index] for other in marks if other not in (mark, WORDS))
            fit = (whole, like, len(names), -rank)
            if best is None or fit > best[0]:
                best = (fit, Layout(mark, names, number, index, len(names), body[:place]))
            break
    return None if best is None else best[1]


def _commented(
    comments: list[tuple[int, str]], body: list[tuple[int, str]], marks: Sequence[str], column: str | None
) -> Layout | None:
    """By a header that is a comment: ``#smiles,value``."""
    above = [item for item in comments if item[0] < body[0][0]]
    for mark in marks if above else ():
        names = split(above[-1][1].lstrip("# "), mark)
        if len(names) != len(split(body[0][1], mark)) and mark != WORDS:
            continue
        index = smiles_column(names, "") if column is None else chosen_column(names, column, "")
        if index is not None and _holds(body, mark, index):
            return Layout(mark, names, above[-1][0], index, len(names), [])
    return None


def _headless(body: list[tuple[int, str]], marks: Sequence[str], where: str, column: str | None) -> Layout | None:
    """By what the cells hold: the column with the most molecules, the first row's among them."""
    best: tuple[tuple[int, ...], Layout] | None = None
    for rank, mark in enumerate(marks):
        table = [split(text, mark) for _, text in body]
        width = max(map(len, table)) if mark == WORDS else _usual(table)
        if column is not None and (int(column) > width or int(column) < 1):
            continue
        wanted = range(width) if column is None else [int(column) - 1]
        for index in wanted:
            header = column is not None and not (index < len(table[0]) and is_molecule(table[0][index]))
            if not header and not (index < len(table[0]) and is_molecule(table[0][index])):
                continue
            cells = [row[index] for row in table[header:] if index < len(row) and is_molecule(row[index])]
            if mark == WORDS and column is None and index and len(cells) < len(table):
                continue  # in lines of words the SMILES comes first, unless every line says otherwise
            even = sum(len(row) == width for row in table) if width > 1 else 0
            fit = (len(cells), mark == WORDS, even, -rank, sum(map(len, cells)), -index)
            if (cells or column is not None) and (best is None or fit > best[0]):
                columns = table[0] if header else [str(i + 1) for i in range(width)]
                best = (fit, Layout(mark, columns, body[0][0] if header else 0, index, width, []))
    return None if best is None else best[1]


def _holds(body: list[tuple[int, str]], mark: str, index: int) -> bool:
    return any(index < len(cells := split(text, mark)) and is_molecule(cells[index]) for _, text in body)


def _usual(table: list[list[str]]) -> int:
    return Counter(map(len, table)).most_common(1)[0][0]


def _best_names(body: list[tuple[int, str]], marks: Sequence[str]) -> list[str]:
    """The names of the first line by the separator that gives equally wide rows, and many columns."""

    def fit(mark: str) -> tuple[int, int]:
        width = len(split(body[0][1], mark))
        return sum(len(split(text, mark)) == width for _, text in body) if width > 1 else 0, width

    return split(body[0][1], max(marks, key=fit))


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _only(names: Sequence[str], name: str, where: str) -> int:
    if list(names).count(name) > 1:
        raise DataError(
            f"{where}: {list(names).count(name)} columns are called '{name}'; give the number of one, from 1"
        )
    return list(names).index(name)
