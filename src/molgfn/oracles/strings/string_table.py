"""The value of every string of a task, as an array: read from the published pickles, or from a CSV file."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from molgfn.chemistry.files.numbers import with_points
from molgfn.chemistry.files.tables import read_table
from molgfn.chemistry.models.array_pickle import read_pickle
from molgfn.errors import DataError
from molgfn.oracles.strings.binding_landscape import is_landscape, read_landscape


class StringTable:
    """One number for each of the |A|^L strings, float64.

    Args:
        alphabet: A.
        length: L.
        path: a table (``chemistry.files.tables``) with a head and two columns, string and value; or a pickle of a dict
            from strings to values, or of ``{"x": places in the alphabet [N, L], "y": values [N, 1]}``; or a table of
            a protein-binding microarray (``binding_landscape``). Each may end in ``.gz``.

    Raises:
        DataError: it cannot be read, or does not list each string once with a number.
    """

    def __init__(self, *, alphabet: str, length: int, path: Path) -> None:
        self.alphabet, self.length, self.path = alphabet, length, path
        self._power = len(alphabet) ** np.arange(length - 1, -1, -1)
        self._place = np.full(128, -1)
        self._place[[ord(symbol) for symbol in alphabet]] = np.arange(len(alphabet))
        strings, values = self._read()
        codes = strings @ self._power
        count = len(alphabet) ** length
        if len(np.unique(codes)) < count or len(codes) > count or not np.isfinite(values).all():
            raise DataError(
                f"{path}: should list each of the {count:,} strings of {length} symbols of '{alphabet}' once, with a "
                f"number; lists {len(np.unique(codes)):,} of them in {len(codes):,} entries"
            )
        self.values = np.empty(count)
        self.values[codes] = values

    def look_up(self, strings: Sequence[Any]) -> np.ndarray:
        """The value of each string, float64 [B]; ``DataError`` where one is no string of the task."""
        return self.values[self._places(strings) @ self._power]

    def _places(self, strings: Sequence[Any]) -> np.ndarray:
        """Places in the alphabet, int64 [B, L]."""
        wrong = [s for s in strings if not isinstance(s, str) or len(s) != self.length or not s.isascii()]
        if not wrong:
            codes = np.frombuffer("".join(strings).encode("ascii"), dtype=np.uint8).reshape(len(strings), self.length)
            places = self._place[codes]
            if (places >= 0).all():
                return places
            wrong = [strings[int((places < 0).any(1).argmax())]]
        raise DataError(f"{wrong[0]!r} is not a string of {self.length} symbols of '{self.alphabet}'")

    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        """Places in the alphabet [N, L] and values [N], in the file's order."""
        found: Any = self._pickled() if ".pkl" in self.path.suffixes else self._rows()
        try:
            if set(found) == {"x", "y"}:
                places, values = np.asarray(found["x"]), np.asarray(found["y"], dtype=np.float64).reshape(-1)
                if places.shape != (len(values), self.length) or places.dtype.kind not in "iu":
                    raise ValueError(f"x is {places.dtype} {list(places.shape)}")
                if places.min() < 0 or places.max() >= len(self.alphabet):
                    raise ValueError(f"x holds numbers from {places.min()} to {places.max()}")
                return places.astype(np.int64), values
            return self._places(list(found)), np.array([float(value) for value in found.values()])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{self.path}: should give each string a value: {error}") from error

    def _pickled(self) -> Any:
        try:
            data = self.path.read_bytes()
            return read_pickle(gzip.decompress(data) if self.path.suffix == ".gz" else data, str(self.path))
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read: {error}") from error

    def _rows(self) -> dict[str, Any]:
        try:
            if is_landscape(self.path):
                return read_landscape(self.path)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read: {error}") from error
        table = read_table(self.path)
        if len(table.names) != 2:
            raise DataError(f"{self.path}: should have two columns, string and value; has {len(table.names)}")
        found: dict[str, str] = {}
        for number, (string, value) in table.cells():
            if string in found:
                raise DataError(f"{self.path}, line {number}: {string} is listed already")
            found[string] = value
        return dict(zip(found, with_points(list(found.values())), strict=True))
