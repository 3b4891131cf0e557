"""Answers of an oracle on disk, shared by runs and processes; a damaged cache never stops a run."""

from __future__ import annotations

import json
import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import diskcache

from molgfn.serving.answers import Answer

logger = logging.getLogger("molgfn.rewards")
T = TypeVar("T")

#: seconds that one process waits for another's write
PATIENCE = 60
_TROUBLE = (sqlite3.Error, diskcache.Timeout, OSError)
_DAMAGE = ("malformed", "not a database", "no such table", "no such column", "file is encrypted")


class DiskCache:
    """Key -> answer in an SQLite file (diskcache), safe under several processes. Failures are not kept.

    A file that is damaged is set aside as ``<folder>.damaged-<date>`` and a new one begun; where the disk is full or
    may not be written, the run goes on without it. Both are said once.

    Args:
        folder: of one oracle with one set of arguments.
        width: numbers in an answer; others are taken for damaged.
    """

    def __init__(self, folder: str | Path, *, width: int) -> None:
        self.folder, self.width = Path(folder), width
        self._cache: diskcache.Cache | None = None
        self._given_up = False
        self._inode: int | None = None  # of the file that was opened
        self._guarded(lambda cache: "" in cache, False)

    @property
    def on(self) -> bool:
        """Whether answers are kept."""
        return not self._given_up

    def get(self, keys: Iterable[str]) -> dict[str, Answer]:
        """Answers of those of ``keys`` that are known."""
        found: dict[str, Answer] = {}
        for key in keys:
            answer = self._guarded(lambda cache, key=key: _read(cache, key), None)
            if isinstance(answer, list) and len(answer) == self.width:
                found[key] = tuple(float(x) for x in answer)
        return found

    def put(self, key: str, answer: Answer) -> None:
        """Keep one answer; it is on disk when this returns."""
        self._guarded(lambda cache: cache.set(key, list(answer)), None)

    def close(self) -> None:
        if self._cache is not None:
            self._cache.close()

    def _guarded(self, do: Callable[[diskcache.Cache], T], instead: T) -> T:
        """``do`` with the cache; after damage once more with a new one, after any other trouble never again."""
        for attempt in range(2):
            if self._given_up:
                break
            try:
                if self._cache is None:
                    self._cache = diskcache.Cache(
                        str(self.folder),
                        timeout=PATIENCE,
                        disk=diskcache.JSONDisk,
                        eviction_policy="none",
                        size_limit=2**50,
                        disk_min_file_size=2**30,
                    )
                    self._inode = self._file()
                return do(self._cache)
            except _TROUBLE as error:
                self._cache = None
                if attempt == 0 and any(word in str(error) for word in _DAMAGE) and self._set_aside(error):
                    continue
                self._given_up = True
                logger.warning(
                    "the disk cache %s cannot be used (%s: %s); the run goes on without it",
                    self.folder,
                    type(error).__name__,
                    error,
                )
        return instead

    def _file(self) -> int | None:
        """Which file lies there now; None for none."""
        try:
            return (self.folder / diskcache.core.DBNAME).stat().st_ino
        except OSError:
            return None

    def _set_aside(self, error: Exception) -> bool:
        if self._inode not in (None, self._file()):
            return True  # another process has set it aside already and begun a new one
        aside = self.folder.with_name(f"{self.folder.name}.damaged-{datetime.now():%Y%m%d-%H%M%S-%f}")
        try:
            self.folder.rename(aside)
        except OSError:
            return False
        logger.warning(
            "the disk cache %s is damaged (%s); it was set aside as %s and a new one begun", self.folder, error, aside
        )
        return True


def _read(cache: diskcache.Cache, key: str) -> object:
    try:
        return cache.get(key)
    except (zlib.error, json.JSONDecodeError, UnicodeDecodeError):  # one damaged entry: ask again
        return None
