"""Values that are listed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from molgfn.chemistry.files.numbers import columns_with_commas, with_point
from molgfn.chemistry.files.reading import Columns, iter_records
from molgfn.errors import ConfigError, DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.named import NAMED, KindName
from molgfn.oracles.base import Oracle
from molgfn.paths import InputFile


class Table(Oracle):
    """Looks the value of an object up, by its key: a SMILES (any of its molecule), a string, or grid coordinates such
    as ``"2 0"``.

    Args:
        domain: which kind of object: molecule, string or grid.
        values: key -> value; None where there is a file.
        path: CSV file with the columns ``object`` and ``value`` (also with semicolons and decimal commas); None where
            the values are given.
        missing: value of an object that is not listed; None: it has no value.

    Raises:
        ConfigError: neither or both of ``values`` and ``path``, a file that is not such a table, a key that is no
            molecule, or two values for one.
    """

    name: ClassVar[str] = "table"
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "the table"

    def __init__(
        self,
        *,
        domain: KindName = "molecule",
        values: dict[str, float] | None = None,
        path: InputFile | None = None,
        missing: float | None = None,
    ) -> None:
        if (values is None) == (path is None):
            raise ConfigError("give either `values` or `path`, one of the two")
        table = dict(values) if values is not None else _read(Path(str(path)))
        if not table:
            raise ConfigError(f"{path or 'values'}: lists no object")
        self._path = None if path is None else Path(path)
        self.kind = NAMED[domain]  # type: ignore[misc]
        self.table = _by_key(self.kind, table)
        self.missing = np.nan if missing is None else missing
        known = [*table.values(), *([] if missing is None else [missing])]
        self.range = (min(known), max(known))  # type: ignore[misc]

    @property
    def files(self) -> tuple[Path, ...]:
        """The table: answers on disk are not taken for those of an edited one."""
        return () if self._path is None else (self._path,)

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """The listed value of each object, float64 [B]; ``missing`` where there is none."""
        return np.array([self.table.get(key, self.missing) for key in self.kind.keys(objects)], dtype=np.float64)


def _read(path: Path) -> dict[str, float]:
    columns = Columns()
    table: dict[str, float] = {}
    try:
        commas = columns_with_commas(path, ["value"], column="object")
        for record in iter_records(path, column="object", columns=columns):
            if "value" not in columns.names:
                raise ConfigError(f"path: {path}: should have the columns `object` and `value`")
            if record.problem is not None:
                raise ConfigError(f"path: {path}, line {record.line}: {record.problem}")
            text = record.cells[columns.names.index("value")]
            try:
                value = float(with_point(text) if commas else text)
            except ValueError:
                raise ConfigError(f"path: {path}, line {record.line}: `{text}` is no number") from None
            if (before := table.setdefault(record.text, value)) != value:
                raise ConfigError(f"path: {path}, line {record.line}: {record.text} is listed with {before} already")
    except DataError as error:
        hint = "; it should have the columns `object` and `value`" if "no column" in str(error) else ""
        raise ConfigError(f"path: {error}{hint}") from None
    return table


def _by_key(kind: ObjectKind, table: dict[str, float]) -> dict[str, float]:
    """The same values under the keys of the objects that the texts mean."""
    found: dict[str, float] = {}
    for text, value in table.items():
        try:
            thing = kind.parse([str(text)])
        except DataError as error:
            raise ConfigError(f"values: {error}") from None
        if (problem := kind.problems(thing)[0]) is not None:
            raise ConfigError(f"values: {problem}")
        key = kind.keys(thing)[0]
        if found.setdefault(key, value) != value:
            raise ConfigError(f"values: {key} is listed with {found[key]} and with {value}")
    return found
