"""The file of answers: a row for each judged pair, on the disk before the next pair is shown."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from molgfn.chemistry.files.pairs import ANSWER, CHOSEN, REJECTED
from molgfn.errors import DataError

Verdict: TypeAlias = Literal["chosen", "tie", "skip"]
VERDICTS: tuple[Verdict, ...] = ("chosen", "tie", "skip")
#: what ``data=preferences`` reads, and how it came about
COLUMNS = (CHOSEN, REJECTED, ANSWER, "seconds", "time", "pair", "source")


@dataclass(frozen=True, slots=True)
class Answer:
    """One judgement.

    Attributes:
        pair: number of the pair, from 1.
        chosen: SMILES of the preferred molecule; of the left one where none is.
        rejected: SMILES of the other one.
        verdict: "chosen", "tie", or "skip" (nobody said).
        seconds: from when the pair was shown to the answer.
        time: of the answer, ISO 8601 with the offset from UTC.
    """

    pair: int
    chosen: str
    rejected: str
    verdict: Verdict
    seconds: float
    time: str


class AnswerFile:
    """Answers that were given, each appended to its file at once.

    Args:
        path: a ``.csv``; made with the first answer.
        source: where the pairs come from, in words ``key=value``: answers to other pairs are refused.
        pairs: SMILES of both molecules of each pair.

    Raises:
        DataError: the file is none of answers, is damaged, or has answers to other pairs.
    """

    def __init__(self, path: Path, source: str, pairs: Sequence[tuple[str, str]]) -> None:
        self.path = path
        self.answers: list[Answer] = []
        #: what was wrong with the end of the file and is taken off; "" where nothing was
        self.cut_off = ""
        self._source, self._pairs = source, pairs
        #: bytes of the file up to the header, and to each answer
        self._ends: list[int] = []
        if path.exists():
            self._read()

    def append(self, answer: Answer) -> None:
        """Write an answer; when this returns it is on the disk.

        Raises:
            OSError: it could not be written, and the file is as it was.
        """
        lines = [] if self._ends else [_line(COLUMNS)]
        lines.append(
            _line(
                (
                    answer.chosen,
                    answer.rejected,
                    answer.verdict,
                    f"{answer.seconds:.2f}",
                    answer.time,
                    answer.pair,
                    self._source,
                )
            )
        )
        before = self._ends[-1] if self._ends else 0
        try:
            with self.path.open("ab") as file:
                file.write(b"".join(lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(self.path, before)
            raise
        for line in lines:
            before += len(line)
            self._ends.append(before)
        self.answers.append(answer)

    def undo(self) -> Answer:
        """Take the last answer off the file, and return it. ``OSError``: the file is as it was."""
        self._shorten(self._ends[-2])
        self._ends.pop()
        return self.answers.pop()

    def _shorten(self, size: int) -> None:
        with self.path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())

    def _read(self) -> None:
        try:
            lines = self.path.read_bytes().splitlines(keepends=True)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror or error})") from error
        whole = [line for line in lines if line.endswith(b"\n")]
        if lines and (not whole or _cells(whole[0]) != list(COLUMNS)):
            raise DataError(f"{self.path}: was not written by this command; give the answers another name")
        seen: set[int] = set()
        for number, line in enumerate(whole, start=1):
            self._ends.append((self._ends[-1] if self._ends else 0) + len(line))
            if number == 1:
                continue
            answer = self._answer(line, f"{self.path}: line {number}")
            if answer.pair in seen:
                raise DataError(f"{self.path}: line {number}: pair {answer.pair} was answered before; take one out")
            seen.add(answer.pair)
            self.answers.append(answer)
        if len(whole) < len(lines):
            self.cut_off = f"{self.path}: line {len(lines)} is cut off and taken out; its pair is shown again"
            self._shorten(self._ends[-1])

    def _answer(self, line: bytes, where: str) -> Answer:
        cells = _cells(line)
        try:
            chosen, rejected, text, seconds, time, pair, source = cells
            verdict = VERDICTS[VERDICTS.index(text)]
            answer = Answer(int(pair), chosen, rejected, verdict, float(seconds), time)
        except ValueError:
            raise DataError(f"{where}: is no answer of this command: {','.join(cells)[:80]}") from None
        if source != self._source:
            there, here = set(source.split()), set(self._source.split())
            raise DataError(
                f"{where}: answers other pairs: it says {' '.join(sorted(there - here))}, and this is "
                f"{' '.join(sorted(here - there))}; go on with the same file and options, or give these answers "
                "another name"
            )
        if not 1 <= answer.pair <= len(self._pairs):
            raise DataError(f"{where}: answers pair {answer.pair} of {len(self._pairs)}; ask for more by --pairs")
        if {chosen, rejected} != set(self._pairs[answer.pair - 1]):
            one, other = self._pairs[answer.pair - 1]
            raise DataError(
                f"{where}: judges {chosen[:60]} and {rejected[:60]}, but pair {answer.pair} is {one[:60]} and "
                f"{other[:60]}; is --column another one?"
            )
        return answer


def _line(cells: Sequence[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _cells(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")]), [])
    except (UnicodeError, csv.Error):
        return []
