"""Values that are listed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.paths import InputFile


class Table(Oracle):
    """Looks the value of an object up, by its key: canonical SMILES, a string, or grid coordinates such as ``"2 0"``.

    Args:
        domain: which objects: molecule, string or grid.
        values: key -> value; None where there is a file.
        path: CSV file with the columns ``object`` and ``value``; None where the values are given.
        missing: value of an object that is not listed; None: it has no value.

    Raises:
        ConfigError: neither or both of ``values`` and ``path``, or a file that is not such a table.
    """

    name: ClassVar[str] = "table"
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "the table"

    def __init__(
        self,
        *,
        domain: Literal["molecule", "string", "grid"] = "molecule",
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
        self.domain = domain  # type: ignore[misc]
        self.table = table
        self.missing = np.nan if missing is None else missing
        known = [*table.values(), *([] if missing is None else [missing])]
        self.range = (min(known), max(known))  # type: ignore[misc]

    @property
    def files(self) -> tuple[Path, ...]:
        """The table: answers on disk are not taken for those of an edited one."""
        return () if self._path is None else (self._path,)

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """The listed value of each object, float64 [B]; ``missing`` where there is none."""
        return np.array([self.table.get(self._key(x), self.missing) for x in objects], dtype=np.float64)

    def _key(self, thing: Any) -> str:
        if self.domain == "molecule":
            return thing.smiles
        return str(thing) if self.domain == "string" else " ".join(str(int(i)) for i in thing)


def _read(path: Path) -> dict[str, float]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise ConfigError(f"path: {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"path: {path}: is not UTF-8 ({error.reason} at byte {error.start})") from None
    table: dict[str, float] = {}
    for line, row in enumerate(rows, start=2):
        try:
            table[row["object"]] = float(row["value"])
        except KeyError:
            raise ConfigError(f"path: {path}: should have the columns `object` and `value`") from None
        except (TypeError, ValueError):
            raise ConfigError(f"path: {path}, line {line}: `{row['value']}` is no number") from None
    return table
