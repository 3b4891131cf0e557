"""What stands beside the molecules of a file: its other columns, names and tags, to be written again in its order."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molgfn.chemistry.files.reading import Columns, Record, iter_records
from molgfn.chemistry.molecules import Molecule
from molgfn.datasets.processes import in_order

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class GivenFile:
    """A file of molecules that was gone through once, so that what it holds beside them is known.

    Attributes:
        path: the file.
        entries: how many it has, molecules or not.
        names: of its columns but that of the SMILES, in order; of an SD file the names of all tags.
        smiles: name of the column of SMILES; None where it has none.
        column: as it was asked for.
        types: name -> its type in a .parquet file, as pyarrow has it.
    """

    path: Path
    entries: int
    names: list[str]
    smiles: str | None
    column: str | None = None
    types: dict[str, Any] = field(default_factory=dict)
    _columns: Columns = field(default_factory=Columns)

    @classmethod
    def survey(cls, path: str | Path, *, column: str | None = None) -> GivenFile:
        """Go through a file once; arguments and errors as in ``chemistry.files.read_molecules``."""
        columns, entries, named = Columns(), 0, False
        for record in iter_records(path, column=column, columns=columns):
            entries += 1
            named = named or (len(record.cells) > 1 and bool(record.cells[1]))
        if columns.lines and not named:
            columns.names = ["smiles"]  # lines of nothing but SMILES
        index = columns.smiles
        types = dict(zip(columns.names, columns.types or [], strict=False))
        names = [name for i, name in enumerate(columns.names) if i != index]
        smiles = None if index is None else columns.names[index]
        return cls(Path(path), entries, names, smiles, column, types, columns)

    @property
    def place(self) -> int | None:
        """Index of the column of SMILES among all; None where there is none."""
        return self._columns.smiles

    @property
    def is_lines(self) -> bool:
        """Whether it has lines of SMILES, the other words of which are names."""
        return self._columns.lines

    def portions(self, size: int, *, jobs: int = 1) -> Iterator[tuple[list[Record], list[Molecule]]]:
        """Portions of the entries with the molecule of each, in order; ``jobs`` worker processes parse."""
        return in_portions(self.records(), size, jobs=jobs)

    def records(self) -> Iterator[Record]:
        """The entries once more, with all their cells."""
        columns = Columns(names=list(self._columns.names) if self._columns.smiles is None else [])
        return iter_records(self.path, column=self.column, columns=columns)

    def beside(self, records: Sequence[Record], taken: Collection[str] = ()) -> dict[str, list[str]]:
        """The other columns of entries, under other names (``y (given)``) where one is taken or stands twice."""
        index = self._columns.smiles
        rows = [[c for i, c in enumerate(record.cells) if i != index] for record in records]
        return {name: [row[i] if i < len(row) else "" for row in rows] for i, name in enumerate(self.free(taken))}

    def free(self, taken: Collection[str] = ()) -> list[str]:
        """The names of the other columns, each another one."""
        used, found = set(taken), []
        for name in self.names:
            wanted, number = name or "unnamed", 1
            if wanted in used:
                wanted = f"{name} (given)"
            while wanted in used:
                number += 1
                wanted = f"{name} (given {number})"
            used.add(wanted)
            found.append(wanted)
        return found


def in_portions(
    records: Iterator[Record], size: int = 1000, *, jobs: int = 1
) -> Iterator[tuple[list[Record], list[Molecule]]]:
    """Portions of entries with the molecule of each, in order; ``jobs`` worker processes parse."""
    portions = iter(lambda: list(islice(records, size)), [])
    if jobs == 1:
        yield from ((portion, _parsed(portion)) for portion in portions)
    else:
        yield from in_order(_parsed, portions, jobs=jobs)


def _parsed(records: list[Record]) -> list[Molecule]:
    return [record.molecule() for record in records]


def as_given(table: pd.DataFrame, types: Mapping[str, Any]) -> pd.DataFrame:
    """A table of texts with the columns of a .parquet file (name -> type, as pyarrow has it) as they were there."""
    import pandas as pd
    import pyarrow as pa

    table = table.copy()
    for name, kind in types.items():
        if name in table and pa.types.is_primitive(kind):
            with contextlib.suppress(pa.ArrowException):  # what does not go back stays text
                cells = pa.array([text or None for text in table[name]], pa.string()).cast(kind)
                table[name] = pd.Series(cells.to_pandas(), index=table.index)
    return table
