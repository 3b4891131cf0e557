"""What an oracle says of each object: numbers, or one named reason why there are none (no torch: workers use it)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from molgfn.oracles.base import Oracle
from molgfn.serving.faults import OracleFault, ask, range_problem

logger = logging.getLogger("molgfn.serving")
#: what was said of an oracle already
_said: WeakKeyDictionary[Oracle, set[str]] = WeakKeyDictionary()
#: the value, then the components in the oracle's order; the value may be NaN: the oracle has none
Answer = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one object has no value.

    Attributes:
        message: for the object: with its number where there is one, and with what was raised.
        reason: its kind, for the counters.
        detail: what was raised, in words.
        transient: asking again may help: the oracle raised, hung or died (a wrong number stays one).
    """

    message: str
    reason: str
    detail: str = ""
    transient: bool = False


#: of one object: an answer of each oracle, in order; a failure is the last of them, unless they are asked apart
Answered = list[Answer | Failure]


def answer_all(oracles: Sequence[Oracle], objects: Any, *, apart: bool = False) -> list[Answered]:
    """What the oracles say of each object, one oracle after the other.

    Whom one failed for, the next is not asked, unless they are asked ``apart``.
    """
    answered: list[Answered] = [[] for _ in range(len(objects))]
    rows = list(range(len(objects)))
    for oracle in oracles:
        if not rows:
            break
        some = objects if len(rows) == len(objects) else oracle.kind.take(objects, rows)
        for row, answer in zip(rows, answers_of(oracle, some), strict=True):
            answered[row].append(answer)
        rows = [row for row in rows if apart or not isinstance(answered[row][-1], Failure)]
    return answered


def answers_of(oracle: Oracle, objects: Any) -> list[Answer | Failure]:
    """One answer per object; where the batch as a whole fails, they are asked about one by one, which is said once."""
    try:
        value, components = ask(oracle, objects)
    except OracleFault as fault:
        if len(objects) == 1:
            detail = _words(fault.__cause__)
            return [Failure(f"{fault} ({detail})" if detail else str(fault), str(fault), detail, transient=True)]
        _say(oracle, fault, len(objects))
        alone = [oracle.kind.take(objects, [row]) for row in range(len(objects))]
        return [answer for one in alone for answer in answers_of(oracle, one)]
    columns = [value, *(components[name] for name in oracle.component_names)]
    answers: list[Answer | Failure] = []
    for row in zip(*(column.tolist() for column in columns), strict=True):
        bad = range_problem(oracle, row[0])
        answers.append(row if bad is None else Failure(*bad))
    return answers


def _words(error: BaseException | None) -> str:
    return " ".join(str(error).split())[:300] if error is not None else ""


def _say(oracle: Oracle, fault: OracleFault, count: int) -> None:
    """Tell once why an oracle is asked about objects one by one: it may be slow, or broken for any batch."""
    said = _said.setdefault(oracle, set())
    if str(fault) in said:
        return
    said.add(str(fault))
    detail = _words(fault.__cause__)
    more = f" ({detail})" if detail else ""
    logger.warning("%s%s for a batch of %d: where a batch fails, its objects are asked one by one", fault, more, count)
