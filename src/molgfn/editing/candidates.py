"""What is edited and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from molgfn.environments.base import States


@dataclass(frozen=True)
class Candidate:
    """An object on the way from a lead; the lead itself is one without edits.

    Attributes:
        thing: the object.
        key: of the object.
        state: its terminal state [1]; None where it was not built in the environment.
        edits: steps (of a genetic algorithm: mutations and crossovers) that lie between the lead and it.
        dropped: steps of the lead that no longer fitted.
        filled: steps that P_F took to make it whole.
        steps: which steps of the construction were taken otherwise, counted from 1, in the order that was walked.
    """

    thing: Any
    key: str
    state: States | None = None
    edits: int = 0
    dropped: int = 0
    filled: int = 0
    steps: tuple[int, ...] = ()


@dataclass
class Lead:
    """An object that is to be edited.

    Attributes:
        row: its place in what was given, from 0.
        given: as it was given.
        candidate: None where it cannot be edited.
        problem: why not; None where it can.
        nearest: key of the nearest object that the environment can build, and its similarity to the lead, where
            the lead itself cannot be built and one was found.
        uncertainty: of its value, as delta-CS reads it.
    """

    row: int
    given: str
    candidate: Candidate | None = None
    problem: str | None = None
    nearest: tuple[str, float] | None = None
    uncertainty: float = 0.0
    beside: dict[str, Any] = field(default_factory=dict)
