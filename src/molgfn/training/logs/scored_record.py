"""Every different object that a run scored, in an SQLite file that anything can query."""

from __future__ import annotations

import logging
import math
import sqlite3
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from molgfn.rewards.base import ConditionValues, Scores
from molgfn.serving.counters import BUDGET_SPENT

logger = logging.getLogger("molgfn")

#: batches that wait for place at most
MOST_WAITING = 10_000
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_COLUMNS = ("iteration", "source", "key", "value", "log_reward", "problem")


class ScoredRecord:
    """Table ``scored``: one row per different object, in order of its first oracle call.

    Columns: ``call`` (1, 2, ... in order), ``iteration`` (1 is the first), ``source`` (policy, local_search, offline,
    state ...), ``key`` (canonical SMILES of a molecule), ``value`` and ``log_reward`` (null without a value),
    ``problem`` (why), then a column for each raw component. Where objects are built under a condition,
    ``condition_NAME`` is what the object of that row was built under, and ``log_reward`` is log R under it. Invalid
    objects were not scored and are not here. Rows are on disk after each batch; memory does not grow. Where the disk is
    full, they wait until there is place again; what else goes wrong costs rows, not the run. Both are said once.

    Args:
        path: of the file; one that is there is continued.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._names: list[str] = []
        self._waiting: deque[tuple[list[str], str, list[tuple]]] = deque()  # what is to be done, in order
        self._full = self._given_up = False

    def add(
        self,
        iteration: int,
        keys: Sequence[str],
        sources: Sequence[str],
        scores: Scores,
        condition: ConditionValues | None = None,
        notes: Mapping[str, Sequence[str | float]] | None = None,
    ) -> None:
        """Take up what is new of a batch [B].

        Args:
            iteration: 1 is the first.
            keys: of the objects.
            sources: of what each comes.
            scores: of the objects.
            condition: name -> float [B], what each was built under; None where there is none.
            notes: further columns, B numbers or texts each; None for none.
        """
        beside = {condition_column(name): values.double() for name, values in (condition or {}).items()}
        beside |= scores.components
        columns = [*(column.tolist() for column in beside.values()), *(notes or {}).values()]
        rows = [
            (iteration, source, key, _number(value), None if problem else log_reward, problem, *map(_cell, parts))
            for key, source, problem, value, log_reward, *parts in zip(
                keys, sources, scores.problems, scores.value.tolist(), scores.log_reward.tolist(), *columns, strict=True
            )
            if key and problem != BUDGET_SPENT
        ]
        more = [*beside, *(notes or {})]
        names = ", ".join(map(_quoted, [*_COLUMNS, *more]))
        marks = ", ".join("?" * (len(_COLUMNS) + len(more)))
        self._do(more, f"INSERT OR IGNORE INTO scored ({names}) VALUES ({marks})", rows)

    def forget_after(self, iteration: int) -> None:
        """Drop what a run had scored after the checkpoint from which it goes on."""
        if self.path.exists():
            self._do([], "DELETE FROM scored WHERE iteration > ?", [(iteration,)])

    def _do(self, more: list[str], statement: str, rows: list[tuple]) -> None:
        if self._given_up:
            return
        self._waiting.append((more, statement, rows))
        try:
            while self._waiting:
                names, order, values = self._waiting[0]
                with self._open(names) as connection:
                    connection.executemany(order, values)
                self._waiting.popleft()
            self._full = False
        except sqlite3.Error as error:
            if error.sqlite_errorcode in _FULL and len(self._waiting) < MOST_WAITING:
                if not self._full:
                    logger.error("%s: rows cannot be written now (%s); they are kept until they can", self.path, error)
                self._full = True
                return
            self._given_up = True
            self._waiting.clear()
            logger.error("%s: scored objects are no longer recorded (%s); the run goes on", self.path, error)

    def _open(self, more: list[str]) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self.path)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS scored (call INTEGER PRIMARY KEY, iteration INTEGER NOT NULL, "
                "source TEXT NOT NULL, key TEXT NOT NULL UNIQUE, value REAL, log_reward REAL, problem TEXT)"
            )
            self._names = [row[1] for row in connection.execute("PRAGMA table_info(scored)")]
            self._connection = connection
        for name in more:
            if name not in self._names:
                # REAL keeps a text that is no number as it is
                self._connection.execute(f"ALTER TABLE scored ADD COLUMN {_quoted(name)} REAL")
                self._names.append(name)
        return self._connection


def condition_column(name: str) -> str:
    """The column of one number of a condition."""
    return f"condition_{name}"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _cell(content: str | float) -> str | float | None:
    return content if isinstance(content, str) else _number(content)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
