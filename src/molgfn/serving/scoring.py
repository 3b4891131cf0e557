"""The one way by which finished objects reach an oracle: unique, cached, within a budget, fault by fault, counted."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from molgfn.errors import CheckpointError
from molgfn.oracles.base import Oracle
from molgfn.serving.answers import Answer, Failure, answer_all
from molgfn.serving.counters import BUDGET_SPENT, Counters
from molgfn.serving.faults import OracleFault
from molgfn.serving.settings import Scoring

logger = logging.getLogger("molgfn.rewards")

#: how many different reasons ``Counters.reasons`` keeps apart; what comes later counts as "other reasons"
MAX_REASONS = 100


@dataclass
class Answers:
    """What an oracle says of B objects.

    Attributes:
        value: float64 [B], NaN without a value.
        components: name -> float64 [B], what the value was made of.
        problems: B entries: None, or the named reason why there is no value.
    """

    value: np.ndarray
    components: dict[str, np.ndarray]
    problems: list[str | None] = field(default_factory=list)


class Scorer:
    """Asks an oracle for each different object once and remembers the answers.

    Every object counts in exactly one of: answered from memory (``cached``: also the second of two equal objects of a
    batch), answered from disk (``disk``), answered by the oracle, or ``failed``. Invalid objects never reach the oracle
    and have no key of their own, so they are not among the ``unique``. A failure is remembered like a value: the
    object fails again, and is counted, without being asked for again.

    The budget counts the different objects that were asked for (``unique``), wherever the answer came from, so that a
    run with a full disk cache finds what it would find with an empty one.

    Args:
        oracle: the property.
        scoring: cache, budget, workers, what to do with failures.
    """

    def __init__(self, *, oracle: Oracle, scoring: Scoring | None = None) -> None:
        self.oracle = oracle
        self.scoring = scoring if scoring is not None else Scoring()
        self.counters = Counters()
        self._cache: OrderedDict[str, Answer] = OrderedDict()
        self._failures: OrderedDict[str, Failure] = OrderedDict()
        self._seen: set[int] = set()
        self._piece = 16  # objects that an oracle in this process is asked for at once where answers go to disk
        self._in_vain = 0  # different objects asked for since the last that got a value
        self._disk = self.scoring.disk(oracle)
        self._workers = self.scoring.pool(oracle)

    @property
    def spent(self) -> bool:
        """Whether the budget allows no object that is new."""
        budget = self.scoring.budget
        return budget is not None and self.counters.unique >= budget

    def __call__(self, objects: Any, keys: Sequence[str]) -> Answers:
        """Answers for the objects [B]; never raises for the sake of one object, unless ``scoring`` asks so.

        Args:
            objects: of the oracle's kind.
            keys: one per object, equal exactly where the objects are.

        Raises:
            OracleFault: an object has no value, and ``scoring.on_failure`` is "stop"; or ``scoring.give_up`` of them
                in a row have none.
        """
        if len(objects) != len(keys):
            raise ValueError(f"{len(objects)} objects came with {len(keys)} keys; each object needs one")
        names = self.oracle.component_names
        table = np.full((len(keys), 1 + len(names)), np.nan)
        problems: list[str | None] = [None] * len(keys)
        self.counters.raw += len(keys)
        rows = self._from_memory(objects, keys, table, problems)
        if rows and self._disk is not None:
            for key, answer in self._disk.get(rows).items():
                self._in_vain = 0  # it had values for this run's kind of object
                where = rows.pop(key)
                table[where] = answer
                self.counters.disk += 1
                self.counters.cached += len(where) - 1
                self._bounded(self._cache, key, answer)
        if rows:
            self._from_oracle(objects, rows, table, problems)
        return Answers(table[:, 0], {name: table[:, 1 + i] for i, name in enumerate(names)}, problems)

    def remarks(self, objects: Any) -> dict[str, list[str]]:
        """What the oracle says of objects in words: ``Oracle.remark_names`` -> B texts, "" where there is nothing.

        It is asked in this process, whatever ``scoring.workers`` says; invalid molecules get "". Where it raises, its
        remarks are left out: words are not worth losing values for.
        """
        columns = {name: [""] * len(objects) for name in self.oracle.remark_names}
        if not columns:
            return columns
        kind = self.oracle.kind
        rows = [row for row, problem in enumerate(kind.problems(objects)) if problem is None]
        try:
            said = self.oracle.remarks(kind.take(objects, rows))
        except Exception as error:
            logger.warning(
                "oracle %s: its remarks are left out (%s: %s)", self.oracle.name, type(error).__name__, error
            )
            return columns
        for name, texts in columns.items():
            for row, text in zip(rows, said[name], strict=True):
                texts[row] = text
        return columns

    def _from_memory(
        self, objects: Any, keys: Sequence[str], table: np.ndarray, problems: list[str | None]
    ) -> dict[str, list[int]]:
        """Fill in what needs no oracle; returns the rows of the other objects, by key."""
        rows: dict[str, list[int]] = {}
        for row, (key, problem) in enumerate(zip(keys, self.oracle.kind.problems(objects), strict=True)):
            if problem is not None:
                problems[row] = problem
                self.fail(problem)
            elif (known := self._cache.get(key)) is not None:
                self._cache.move_to_end(key)
                table[row] = known
                self.counters.cached += 1
            elif (failure := self._failures.get(key)) is not None:
                problems[row] = failure.message
                self.fail(failure.reason)
            elif key in rows:
                rows[key].append(row)
            elif self._charge(key):
                rows[key] = [row]
            else:
                problems[row] = BUDGET_SPENT
                self.fail(BUDGET_SPENT)
        return rows

    def _from_oracle(
        self, objects: Any, rows: dict[str, list[int]], table: np.ndarray, problems: list[str | None]
    ) -> None:
        """Ask for the first object of each key and fill in all its rows."""
        keys, first = list(rows), [where[0] for where in rows.values()]
        answers: list[Answer | Failure | None] = [None] * len(keys)
        start = time.perf_counter()
        try:
            for number, answer in self._asked(self.oracle.kind.take(objects, first)):
                answers[number] = answer
                if self._disk is not None and isinstance(answer, tuple):
                    self._disk.put(keys[number], answer)  # at once: nothing is lost when the run is killed
        finally:
            self.counters.seconds += time.perf_counter() - start
        for (key, where), answer in zip(rows.items(), answers, strict=True):
            if isinstance(answer, tuple):
                table[where] = answer
                self.counters.cached += len(where) - 1
                self._bounded(self._cache, key, answer)
            elif answer is not None:
                self._bounded(self._failures, key, answer)
                for row in where:
                    problems[row] = answer.message
                    self.fail(answer.reason, answer.detail)
        self._stop_if_asked(keys, answers)

    def _stop_if_asked(self, keys: Sequence[str], answers: Sequence[Answer | Failure | None]) -> None:
        """Raise where a failure is not to be borne: the first, or as many in a row as say that the oracle is broken."""
        for key, answer in zip(keys, answers, strict=True):
            if not isinstance(answer, Failure):
                self._in_vain = 0
                continue
            self._in_vain += 1
            if self.scoring.on_failure == "stop":
                raise OracleFault(f"{answer.message} for {key}; scoring.on_failure=floor would go on")
            if self._in_vain == self.scoring.give_up:
                raise OracleFault(
                    f"oracle {self.oracle.name}: {self._in_vain} different objects in a row got no value, the last one "
                    f"({key}) because: {answer.message}. If it is meant to have none for so many, "
                    "scoring.give_up=null goes on"
                )

    def _asked(self, objects: Any) -> Iterator[tuple[int, Answer | Failure]]:
        """(number, answer) of each object, as they come; what may be better the next time is asked again."""
        numbers = list(range(len(objects)))
        for attempt in range(self.scoring.retries + 1):
            again: list[int] = []
            for place, answer in self._once(self.oracle.kind.take(objects, numbers) if attempt else objects):
                if isinstance(answer, Failure) and answer.transient and attempt < self.scoring.retries:
                    again.append(numbers[place])
                else:
                    yield numbers[place], answer
            if not again:
                return
            numbers = sorted(again)

    def _once(self, objects: Any) -> Iterator[tuple[int, Answer | Failure]]:
        if self._workers is not None:
            yield from self._workers.answer(objects)
            return
        done, whole = 0, len(objects)
        while done < whole:
            # with a disk cache in pieces of about a second, so that a run that is killed has kept what was answered
            size = whole if self._disk is None else self._piece
            start = time.perf_counter()
            piece = self.oracle.kind.take(objects, range(done, min(done + size, whole)))
            yield from enumerate(answer_all(self.oracle, piece), done)
            self._piece = max(1, self._piece // 2) if time.perf_counter() - start > 1.0 else min(2 * self._piece, 2**20)
            done += size

    def _charge(self, key: str) -> bool:
        """Count an object that memory does not hold; False where it is new and the budget is spent."""
        digest = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little", signed=True)
        if digest not in self._seen and self.spent:
            return False
        self._seen.add(digest)
        self.counters.unique = len(self._seen)
        return True

    def _bounded(self, memory: OrderedDict[str, Any], key: str, entry: Any) -> None:
        """Put ``entry`` into a memory, forgetting the least recently used one where it is full."""
        if self.scoring.cache_size == 0:
            return
        memory[key] = entry
        if len(memory) > self.scoring.cache_size:
            memory.popitem(last=False)

    def fail(self, reason: str, detail: str = "", *, answered: bool = False) -> None:
        """Count one object that goes without a value; the first of each reason is logged.

        Args:
            reason: its kind.
            detail: more of it, for the log.
            answered: the oracle had a value, and the object is counted already, as where that came from.
        """
        self.counters.failed += not answered
        reasons = self.counters.reasons
        if reason not in reasons and len(reasons) >= MAX_REASONS:
            reason = "other reasons"
        if reason not in reasons:
            detail = f" ({detail})" if detail else ""
            logger.warning("an object goes without a value: %s%s; later ones are counted, not logged", reason, detail)
        reasons[reason] = reasons.get(reason, 0) + 1

    def state_dict(self) -> dict[str, Any]:
        """Counters and memory as plain data (numbers, strings, tensors)."""
        return {
            "oracle": self.oracle.name,
            "components": list(self.oracle.component_names),
            "counters": asdict(self.counters),
            "seen": torch.tensor(sorted(self._seen), dtype=torch.int64),
            "keys": list(self._cache),
            "answers": torch.tensor(list(self._cache.values()), dtype=torch.float64),
            "failures": [[key, f.message, f.reason] for key, f in self._failures.items()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up counters and memory; raises ``CheckpointError`` where they are of another oracle."""
        here = [self.oracle.name, list(self.oracle.component_names)]
        if (there := [state["oracle"], list(state["components"])]) != here:
            raise CheckpointError(
                f"the stored oracle answers are of {there[0]} with components {there[1]}, the reward here has "
                f"{here[0]} with {here[1]}: resume with the oracle that the run began with"
            )
        answers: Tensor = state["answers"]
        self.counters = Counters(**{**state["counters"], "reasons": dict(state["counters"]["reasons"])})
        self._seen = set(state["seen"].tolist())
        self._cache = OrderedDict(zip(state["keys"], map(tuple, answers.tolist()), strict=True))
        self._failures = OrderedDict((key, Failure(*words)) for key, *words in state.get("failures", []))
        for memory in (self._cache, self._failures):
            while len(memory) > self.scoring.cache_size:
                memory.popitem(last=False)
