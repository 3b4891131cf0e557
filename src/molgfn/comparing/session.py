"""One person at work: which pair is shown, what is said of it, and taking it back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import RLock
from typing import Any

from rdkit import Chem

from molgfn.chemistry.drawing import molecule_svg
from molgfn.comparing.answer_file import Answer, AnswerFile, Verdict
from molgfn.comparing.pairing import Pair

#: what a person can say -> the index of the chosen side and what the file says
CHOICES: dict[str, tuple[int, Verdict]] = {
    "left": (0, "chosen"),
    "right": (1, "chosen"),
    "tie": (0, "tie"),
    "skip": (0, "skip"),
}
#: width and height of a drawing, in pixels of its own; the page scales it
SIZE = (420, 310)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A molecule that is compared: its SMILES, its structure, and (name, text) of what is shown below it."""

    smiles: str
    mol: Chem.Mol
    facts: tuple[tuple[str, str], ...] = ()


class Outdated(Exception):
    """An answer to a pair that is no longer shown: another window was faster."""


class Session:
    """Pairs one after the other; safe to use from several threads.

    Args:
        candidates: the molecules.
        pairs: (left, right), indices of ``candidates``.
        answers: those given so far, and their file.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        pairs: Sequence[Pair],
        answers: AnswerFile,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.candidates, self.pairs, self.answers = candidates, pairs, answers
        self._clock = clock
        self._lock = RLock()
        #: pair that is shown, and since when
        self._shown: tuple[int | None, float] = (None, 0.0)
        self._closed = False

    @property
    def finished(self) -> bool:
        return self.current is None

    @property
    def current(self) -> int | None:
        """Number (from 1) of the first pair without an answer; None where all have one."""
        with self._lock:
            answered = {answer.pair for answer in self.answers.answers}
            return next((number for number in range(1, len(self.pairs) + 1) if number not in answered), None)

    def counts(self) -> dict[str, int]:
        """What the file says -> how often."""
        with self._lock:
            return dict(Counter(answer.verdict for answer in self.answers.answers))

    def state(self) -> dict[str, Any]:
        """What the page shows, as JSON has it; the time for an answer begins when a pair is first asked for."""
        with self._lock:
            number = self.current
            if self._shown[0] != number:
                self._shown = (number, self._clock())
            sides = None if number is None else [self._drawn(side) for side in self.pairs[number - 1]]
            answered = len(self.answers.answers)
            return {"pair": number, "total": len(self.pairs), "answered": answered, "sides": sides, **self.counts()}

    def answer(self, pair: int, choice: str) -> None:
        """Keep what is said of the pair that is shown; a key of ``CHOICES``.

        Raises:
            Outdated: it is another one that is shown.
            OSError: the answer could not be written, and does not count.
        """
        with self._lock:
            if self._closed or pair != self.current:
                raise Outdated
            side, verdict = CHOICES[choice]
            shown = [self.candidates[index].smiles for index in self.pairs[pair - 1]]
            seconds = self._clock() - self._shown[1] if self._shown[0] == pair else 0.0
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            self.answers.append(Answer(pair, shown[side], shown[1 - side], verdict, seconds, now))

    def undo(self) -> None:
        """Take the last answer back, one of an earlier day as well; nothing where there is none."""
        with self._lock:
            if self.answers.answers and not self._closed:
                self.answers.undo()
                self._shown = (None, 0.0)

    def close(self) -> None:
        """Wait for an answer that is being written; from now on none counts."""
        with self._lock:
            self._closed = True

    def _drawn(self, index: int) -> dict[str, Any]:
        candidate = self.candidates[index]
        svg = molecule_svg(candidate.mol, SIZE)
        return {"svg": svg[svg.index("<svg") :], "smiles": candidate.smiles, "facts": candidate.facts}
