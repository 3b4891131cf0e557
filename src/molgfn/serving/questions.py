"""What a call asks for, and which process of a run finds out what."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from molgfn.objects.base import ObjectKind
from molgfn.ranks import Ranks
from molgfn.serving.answers import Answer, Failure

#: the numbers of all oracles for one object, in the order of ``Panel.entries`` and of their columns
Row = tuple[float, ...]
#: of one question: its answers, why there are none, whether they were on disk, and what oracles failed apart
Said = tuple[list[Answer | None], Failure | None, bool, dict[int, Failure]]
#: a reason and more of it, for the log
Reason = tuple[str, str]


@dataclass(slots=True)
class Question:
    """An object whose answer memory does not hold.

    Attributes:
        key: of the object.
        rows: where it is among the objects of all ranks.
        answers: one of each oracle; None where it is not known (yet).
        wanted: places of the oracles that are to be asked.
        failure: why there is no answer.
        kept: the answers were on disk.
        place: where it is among the objects of the rank that asks.
        lacking: place of an oracle that was asked apart and failed -> why; its answer is NaN.
    """

    key: str
    rows: list[int]
    answers: list[Answer | None]
    wanted: tuple[int, ...] = ()
    failure: Failure | None = None
    kept: bool = False
    place: int = 0
    lacking: dict[int, Failure] = field(default_factory=dict)

    @property
    def unanswered(self) -> tuple[int, ...]:
        """Places of the oracles whose answers are not known."""
        return tuple(place for place, answer in enumerate(self.answers) if answer is None)

    @property
    def numbers(self) -> Row:
        """All numbers, where everything is known."""
        return tuple([number for answer in self.answers if answer is not None for number in answer])

    @property
    def said(self) -> Said:
        """What was found out about it, as the other ranks are told."""
        return self.answers, self.failure, self.kept, self.lacking

    @said.setter
    def said(self, said: Said) -> None:
        self.answers, self.failure, self.kept, self.lacking = said


@dataclass(slots=True)
class Call:
    """The objects that all ranks ask for in one call, those of rank 0 first.

    Attributes:
        keys: of the objects.
        problems: why one is none; None where it is one.
        starts: where those of each rank begin.
        mine: the rows of this rank.
    """

    keys: list[str]
    problems: list[str | None]
    starts: list[int]
    mine: slice

    @classmethod
    def of(
        cls, keys: list[str], problems: list[str | None], ranks: Ranks, news: list[Reason]
    ) -> tuple[Call, list[Reason]]:
        """The calls of all ranks as one; and what each has to tell beside (``news``), in one list."""
        if ranks.size == 1:
            return cls(keys, problems, [0], slice(0, len(keys))), news
        invalid = {row: problem for row, problem in enumerate(problems) if problem is not None}
        said = ranks.gather((keys, invalid, news))
        starts = [0]
        for theirs, _, _ in said:
            starts.append(starts[-1] + len(theirs))
        return (
            cls(
                [key for theirs, _, _ in said for key in theirs],
                [wrong.get(row) for theirs, wrong, _ in said for row in range(len(theirs))],
                starts[:-1],
                slice(starts[ranks.rank], starts[ranks.rank + 1]),
            ),
            [told for _, _, told in said for told in told],
        )


def askers(questions: Sequence[Question], starts: Sequence[int], *, evenly: bool) -> list[int]:
    """The rank that finds out each of the ``questions``, which every rank computes alike.

    Args:
        questions: of all ranks, in order.
        starts: where the rows of each rank begin.
        evenly: what a rank has above an equal share goes to those that have less; otherwise each object is asked for
            where it was drawn first, and nothing has to be built anew from its key.
    """
    first = [bisect_right(starts, question.rows[0]) - 1 for question in questions]
    if not evenly:
        return first
    room = [len(questions) // len(starts) + (rank < len(questions) % len(starts)) for rank in range(len(starts))]
    given: list[int | None] = []
    for rank in first:
        given.append(rank if room[rank] > 0 else None)
        room[rank] -= room[rank] > 0
    free = iter([rank for rank, places in enumerate(room) for _ in range(places)])
    return [next(free) if rank is None else rank for rank in given]


def at_hand(kind: ObjectKind, objects: Any, questions: Sequence[Question], mine: slice) -> Any:
    """The objects of this rank, and after them those of ``questions`` that it has only the keys of.

    Notes where the object of each question is among them.
    """
    moved: list[str] = []
    for question in questions:
        row = next((row for row in question.rows if mine.start <= row < mine.stop), None)
        question.place = len(objects) + len(moved) if row is None else row - mine.start
        if row is None:
            moved.append(question.key)
    return kind.cat([objects, kind.parse(moved)]) if moved else objects
