"""What an oracle says of each object: numbers, or one named reason why there are none (no torch: workers use it)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from molgfn.oracles.base import Oracle
from molgfn.serving.faults import OracleFault, ask, range_problem

#: the value, then the components in the oracle's order
Answer = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one object has no value.

    Attributes:
        message: for the object: with its number where there is one, and with what was raised.
        reason: its kind, for the counters.
        detail: what was raised, in words.
        transient: asking again may help: the oracle raised, hung or died (a NaN or a wrong number stays one).
    """

    message: str
    reason: str
    detail: str = ""
    transient: bool = False


def answer_all(oracle: Oracle, objects: Any) -> list[Answer | Failure]:
    """One answer per object; where the batch as a whole fails, they are asked about one by one."""
    try:
        value, components = ask(oracle, objects)
    except OracleFault as fault:
        if len(objects) == 1:
            detail = _words(fault.__cause__)
            return [Failure(f"{fault} ({detail})" if detail else str(fault), str(fault), detail, transient=True)]
        return [
            answer for row in range(len(objects)) for answer in answer_all(oracle, oracle.kind.take(objects, [row]))
        ]
    columns = [value, *(components[name] for name in oracle.component_names)]
    answers: list[Answer | Failure] = []
    for row in zip(*(column.tolist() for column in columns), strict=True):
        bad = range_problem(oracle, row[0])
        answers.append(row if bad is None else Failure(*bad))
    return answers


def _words(error: BaseException | None) -> str:
    return " ".join(str(error).split())[:300] if error is not None else ""
