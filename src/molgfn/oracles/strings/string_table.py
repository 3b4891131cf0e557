"""The value of every string of a task, as an array: read from the published pickles, or from a CSV file."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from molgfn.chemistry.models.array_pickle import read_pickle
from molgfn.errors import DataError


class StringTable:
    """One number for each of the |A|^L strings, float64.

    Args:
        alphabet: A.
        length: L.
        path: a CSV file with a head and two columns, string and value; or a pickle of a dict from strings to values,
            or of ``{"x": places in the alphabet [N, L], "y": values [N, 1]}``. Each may end in ``.gz``.

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
        try:
            data = self.path.read_bytes()
            data = gzip.decompress(data) if self.path.suffix == ".gz" else data
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read: {error}") from error
        found: Any
        if ".pkl" in self.path.suffixes:
            found = read_pickle(data, str(self.path))
        else:
            found = self._rows(csv.reader(data.decode("utf-8").splitlines()))
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

    def _rows(self, rows: Iterable[list[str]]) -> dict[str, str]:
        found: dict[str, str] = {}
        for number, row in enumerate(rows, start=1):
            if len(row) != 2:
                raise DataError(f"{self.path}, line {number}: should be a string and its value, has {len(row)} columns")
            if row[0] in found:
                raise DataError(f"{self.path}, line {number}: {row[0]} is listed already")
            if number > 1:
                found[row[0]] = row[1]
        return found
