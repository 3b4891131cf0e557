"""Children of each lead within a number of edits and of calls of the oracle, by any method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import torch

from molgfn.acquisition.ranking import rank_weights
from molgfn.editing.candidates import Candidate, Lead
from molgfn.editing.likeness import Kept, similarities
from molgfn.editing.methods import Ask, Method
from molgfn.errors import ConfigError
from molgfn.evaluation.progress import Progress, silent
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE

#: objects and their keys -> columns of as many cells, among them ``log_reward`` (NaN where there is none)
Score = Callable[[Any, list[str]], dict[str, list[Any]]]


@dataclass(frozen=True)
class Limits:
    """What children may cost and must be.

    Args:
        edits: most edits between a lead and a child.
        calls: different children of each lead that are scored, at most.
        rounds: each starts from the best of the one before, with a share of edits and calls; None: as the method has
            it.
        similar: least similarity of a child to its lead.
        kept: what children of molecules must contain.
        passes: how often each round proposes as many as are still wanted before it goes on with fewer.
        seed: of everything drawn.

    Raises:
        ConfigError: a number out of its range.
    """

    edits: int = 3
    calls: int = 32
    rounds: int | None = None
    similar: float = 0.0
    kept: Kept = field(default_factory=Kept)
    passes: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        counts = {"edits": self.edits, "calls": self.calls, "passes": self.passes}
        problems = [f"{name}: should be at least 1, got {n}" for name, n in counts.items() if n < 1]
        if self.rounds is not None and not 1 <= self.rounds <= self.edits:
            problems.append(f"rounds: should be from 1 to the number of edits ({self.edits}), got {self.rounds}")
        if not 0 <= self.similar <= 1:
            problems.append(f"similar: should be in [0, 1], got {self.similar}")
        if self.seed < 0:
            problems.append(f"seed: should be at least 0, got {self.seed}")
        if problems:
            raise ConfigError(problems)


@dataclass
class Found:
    """What was found for one lead.

    Attributes:
        lead: whose children they are.
        children: scored ones, in the order in which they were found.
        scores: name -> a cell for each of the children.
        own: name -> the lead's cell.
        similarity: of each of the children.
    """

    lead: Lead
    children: list[Candidate] = field(default_factory=list)
    scores: dict[str, list[Any]] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    similarity: list[float] = field(default_factory=list)

    def worth(self, row: int) -> float:
        """log R of a child, -inf where it has none."""
        value = self.scores["log_reward"][row]
        return value if value == value else -float("inf")

    def order(self) -> list[int]:
        """Rows of the children, the best first."""
        return sorted(range(len(self.children)), key=lambda row: -self.worth(row))


@dataclass
class Search:
    """The whole of it.

    Attributes:
        found: one for each lead that can be edited.
        calls: children scored; the leads are not counted.
        left_out: why -> candidates that were not scored.
    """

    found: list[Found]
    calls: int
    left_out: Counter[str]


def search(
    kind: ObjectKind, leads: Sequence[Lead], method: Method, limits: Limits, score: Score, progress: Progress = silent
) -> Search:
    """Children of the leads that can be edited; arguments of the methods in ``editing.methods``."""
    found = [Found(lead) for lead in leads if lead.candidate is not None]
    if not found:
        return Search([], 0, Counter())
    starts = [_start(one) for one in found]
    own = score(_batch(kind, [c.thing for c in starts]), [c.key for c in starts])
    for row, one in enumerate(found):
        one.own = {name: cells[row] for name, cells in own.items()}
        one.scores = {name: [] for name in own}
    seen = [{start.key} for start in starts]
    kept = [limits.kept.of(start.thing) if kind is MOLECULE and limits.kept else () for start in starts]
    rounds = limits.rounds or (min(limits.edits, limits.calls) if method.in_rounds else 1)
    left_out: Counter[str] = Counter()
    generator, random = torch.Generator().manual_seed(limits.seed), Random(limits.seed)
    until = 0
    for number, (edits, calls) in enumerate(
        zip(shares(limits.edits, rounds), shares(limits.calls, rounds), strict=True)
    ):
        until += calls
        wanted = [until - len(one.children) for one in found]
        new: list[list[tuple[Candidate, float]]] = [[] for _ in found]
        for _ in range(limits.passes):
            owner = [i for i, some in enumerate(new) for _ in range(wanted[i] - len(some))]
            if not owner:
                break
            parents = [_parent(found[i], starts[i], method, random) for i in owner]
            spent = [(len(found[i].children) + len(new[i])) / limits.calls for i in owner]
            ask = Ask([edits] * len(owner), spent, [found[i].lead.uncertainty for i in owner], generator, random)
            made = method.propose(parents, ask)
            for i in sorted(set(owner)):
                mine = [c for j, c in zip(owner, made, strict=True) if j == i]
                new[i] += _acceptable(kind, starts[i], mine, seen[i], kept[i], limits, left_out)
            progress(f"round {number + 1} of {rounds}: candidates", sum(map(len, new)), sum(wanted))
        together = [(i, c, likeness) for i, some in enumerate(new) for c, likeness in some]
        if together:
            cells = score(_batch(kind, [c.thing for _, c, _ in together]), [c.key for _, c, _ in together])
            for row, (i, c, likeness) in enumerate(together):
                found[i].children.append(c)
                found[i].similarity.append(likeness)
                for name, column in cells.items():
                    found[i].scores[name].append(column[row])
    return Search(found, sum(len(one.children) for one in found), left_out)


def shares(total: int, parts: int) -> list[int]:
    """``total`` in so many whole parts that differ by one at most, the larger ones first."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def _start(one: Found) -> Candidate:
    assert one.lead.candidate is not None
    return one.lead.candidate


def _batch(kind: ObjectKind, things: list[Any]) -> Any:
    return kind.cat([[thing] for thing in things])


def _parent(one: Found, start: Candidate, method: Method, random: Random) -> Candidate:
    """The best of what was found with the lead (of a population: one drawn by rank weights)."""
    own = one.own["log_reward"]
    worth = [own if own == own else -float("inf"), *(one.worth(row) for row in range(len(one.children)))]
    pool = [start, *one.children]
    if not method.population:
        return pool[max(range(len(pool)), key=worth.__getitem__)]
    weights = rank_weights(np.maximum(np.array(worth), -1e300), 0.1)
    return random.choices(pool, weights.tolist())[0]


def _acceptable(
    kind: ObjectKind,
    start: Candidate,
    made: Sequence[Candidate | None],
    seen: set[str],
    kept: Sequence[Any],
    limits: Limits,
    left_out: Counter[str],
) -> list[tuple[Candidate, float]]:
    """Those of one lead that may be scored, with their similarity; the others are counted."""
    valid: list[Candidate] = []
    for candidate in made:
        if candidate is None:
            left_out["nothing came of it"] += 1
        elif kind.problems(_batch(kind, [candidate.thing]))[0] is not None:
            left_out["not valid"] += 1
        elif candidate.key in seen:
            left_out["the lead, or seen before"] += 1
        else:
            seen.add(candidate.key)
            valid.append(candidate)
    out = []
    for candidate, likeness in zip(valid, similarities(kind, start.thing, [c.thing for c in valid]), strict=True):
        if likeness < limits.similar:
            left_out["not similar enough"] += 1
        elif not all(candidate.thing.mol.HasSubstructMatch(pattern) for pattern in kept):
            left_out["loses what is kept"] += 1
        else:
            out.append((candidate, likeness))
    return out
