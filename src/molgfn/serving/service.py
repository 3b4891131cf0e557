"""The one door to every oracle: finished objects come unique, cached, within a budget, fault by fault, counted."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from molgfn.errors import CheckpointError
from molgfn.oracles.base import Oracle
from molgfn.ranks import ALONE, Ranks
from molgfn.serving.answers import Answered, Failure, answer_all
from molgfn.serving.counters import BUDGET_SPENT, Counters
from molgfn.serving.faults import OracleFault
from molgfn.serving.measurements import Measurements
from molgfn.serving.number_set import NumberSet
from molgfn.serving.panel import HasPanel, panel_of
from molgfn.serving.patience import Patience
from molgfn.serving.questions import Call, Question, Reason, Row, askers, at_hand
from molgfn.serving.remarks import remarks_of
from molgfn.serving.settings import Scoring

logger = logging.getLogger("molgfn.rewards")

#: how many different reasons ``Counters.reasons`` keeps apart; what comes later counts as "other reasons"
MAX_REASONS = 100


class Service:
    """Asks oracles for each different object once and remembers the answers.

    Every object counts in exactly one of: answered from memory (``cached``: also the second of two equal objects of a
    batch), answered from disk (``disk``), answered by the oracles, or ``failed``. Invalid objects never reach an oracle
    and have no key of their own, so they are not among the ``unique``. A failure is remembered like a value: the
    object fails again, and is counted, without being asked for again.

    The budget counts the different objects that were asked for (``unique``), wherever the answers came from and however
    many oracles were asked, so that a run with a full disk cache finds what it would find with an empty one. On disk
    each oracle has answers of its own.

    The processes of a run (``scoring.ranks``) have one memory, one budget and one set of counters: all call together,
    each with its own objects, and what comes of it is what one process would make of all objects in the order of the
    ranks. Each new object is asked for by one process. Then memory, counters and what is raised are the same on all.

    Args:
        oracle: what is measured: an oracle, or what is made of several (``HasPanel``).
        scoring: cache, budget, workers, what to do with failures.
    """

    def __init__(self, *, oracle: Oracle | HasPanel, scoring: Scoring | None = None) -> None:
        self.scoring = scoring if scoring is not None else Scoring()
        self.ranks: Ranks = self.scoring.ranks or ALONE
        self.panel = panel_of(oracle, self.scoring.recipe)
        self.counters = Counters()
        self._cache: OrderedDict[str, Row] = OrderedDict()
        self._failures: OrderedDict[str, Failure] = OrderedDict()
        self._seen = NumberSet()
        self._piece = 16  # objects that oracles in this process are asked for at once where answers go to disk
        self._news: list[Reason] = []  # what the other ranks have not heard of
        self._disks = [self.scoring.disk(entry) for entry in self.panel.entries]
        self._kept = any(disk is not None for disk in self._disks)
        self._workers = self.scoring.pool(self.panel)
        self._columns = [column for entry in self.panel.entries for column in entry.columns]
        self._patience = Patience(self.panel, self.scoring)
        self._place = {name: self._columns.index(name) for name in self.panel.properties}  # the first of each

    @property
    def spent(self) -> bool:
        """Whether the budget allows no object that is new."""
        budget = self.scoring.budget
        return budget is not None and self.counters.unique >= budget

    def __call__(self, objects: Any, keys: Sequence[str]) -> Measurements:
        """Raw values of the objects [B]; never raises for the sake of one object, unless ``scoring`` asks so.

        Args:
            objects: of the oracles' kind.
            keys: one per object, equal exactly where the objects are.

        Raises:
            OracleFault: an object has no value, and ``scoring.on_failure`` is "stop"; or ``scoring.give_up`` of them
                in a row have none.
        """
        if len(objects) != len(keys):
            raise ValueError(f"{len(objects)} objects came with {len(keys)} keys; each object needs one")
        own = list(self.panel.kind.problems(objects))
        call, news = Call.of(list(keys), own, self.ranks, self._news)
        if news:
            self._hear(news)
        whole, problems = call.keys, call.problems
        self.counters.raw += len(whole)
        remembered = list(map(self._cache.get, whole))
        there = [row for row in remembered if row is not None]
        if len(there) == len(whole) and problems.count(None) == len(whole):
            for key in whole:
                self._cache.move_to_end(key)
            self.counters.cached += len(whole)
            width = len(self._columns)
            numbers = np.fromiter(chain.from_iterable(there[call.mine]), np.float64, len(keys) * width)
            return self._measurements(numbers.reshape(len(keys), width), own)
        known: dict[int, Row] = {}  # row of the whole call -> its numbers
        rows = self._from_memory(whole, remembered, known, problems)
        if rows:
            questions = [Question(key, where, [None] * len(self._disks)) for key, where in rows.items()]
            self._find_out(objects, questions, call)
            self._take_in(questions, known, problems)
        table = np.full((len(whole), len(self._columns)), np.nan)
        if known:
            table[list(known)] = list(known.values())
        return self._measurements(table[call.mine], problems[call.mine])

    def _hear(self, news: list[Reason]) -> None:
        """Count what came up on any rank after its objects were measured."""
        for reason, detail in news:
            self._note(reason, detail)
        self._news = []

    def _measurements(self, table: np.ndarray, problems: list[str | None]) -> Measurements:
        """Of numbers float64 [B, columns]."""
        columns = torch.from_numpy(np.ascontiguousarray(table.T))
        return Measurements({name: columns[place] for name, place in self._place.items()}, problems)

    def remarks(self, objects: Any) -> dict[str, list[str]]:
        """What the oracles say of objects in words: column -> texts [B]. They are asked in this process."""
        return remarks_of(self.panel, objects)

    def _from_memory(
        self, keys: Sequence[str], remembered: Sequence[Row | None], known: dict[int, Row], problems: list[str | None]
    ) -> dict[str, list[int]]:
        """Fill in what needs no oracle; returns the rows of the other objects, by key."""
        rows: dict[str, list[int]] = {}
        for row, (key, numbers) in enumerate(zip(keys, remembered, strict=True)):
            if (problem := problems[row]) is not None:
                self.fail(problem)
            elif numbers is not None:
                self._cache.move_to_end(key)
                known[row] = numbers
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

    def _find_out(self, objects: Any, questions: list[Question], call: Call) -> None:
        """Have every question answered: each rank finds out its part, and tells the others."""
        if self.ranks.size == 1:
            for question in questions:
                question.place = question.rows[0]
            self._find(objects, questions)
            return
        asker = askers(questions, call.starts, evenly=self._workers is not None)
        own = [question for question, rank in zip(questions, asker, strict=True) if rank == self.ranks.rank]
        before, trouble = self.counters.seconds, None
        try:
            self._find(at_hand(self.panel.kind, objects, own, call.mine), own)
        except Exception as error:  # the others are waiting: first they are told
            trouble = error
        words = None if trouble is None else f"{type(trouble).__name__}: {trouble}"
        said = self.ranks.gather(([question.said for question in own], self.counters.seconds - before, words))
        self.counters.seconds = before + max(seconds for _, seconds, _ in said)
        if trouble is not None:
            raise trouble
        for rank, (answers, _, words) in enumerate(said):
            if words is not None:
                raise OracleFault(f"oracle {self.panel.name}: process {rank} of the run ended with {words}")
            theirs = [question for question, by in zip(questions, asker, strict=True) if by == rank]
            for question, answer in zip(theirs, answers, strict=True):
                question.said = answer

    def _find(self, objects: Any, questions: list[Question]) -> None:
        """Look for answers on disk, and ask for the others."""
        self._from_disk(questions)
        start = time.perf_counter()
        try:
            for question, answered in self._asked(objects, [q for q in questions if not q.kept]):
                self._take_up(question, answered)
        finally:
            self.counters.seconds += time.perf_counter() - start

    def _from_disk(self, questions: list[Question]) -> None:
        """Note the answers that are on disk."""
        if not self._kept:
            return
        for place, disk in enumerate(self._disks):
            if disk is not None:
                found = disk.get([question.key for question in questions])
                for question in questions:
                    question.answers[place] = found.get(question.key)
        for question in questions:
            if not question.unanswered:
                question.kept = bool(self._have_values([question.numbers])[0])
                if not question.kept:  # another panel has kept them; what is no value is asked for again
                    question.answers = [None] * len(question.answers)

    def _take_in(self, questions: list[Question], known: dict[int, Row], problems: list[str | None]) -> None:
        """Fill in all rows of what was found out, count and remember it."""
        for question in questions:
            if question.kept:
                self._patience.begin_anew()  # it had values for this run's kind of object
                self.counters.disk += 1
                self._fill(question, question.numbers, known)
        asked = [question for question in questions if not question.kept]
        answered = [question for question in asked if question.failure is None]
        numbers = [question.numbers for question in answered]
        for question, row, has_value in zip(answered, numbers, self._have_values(numbers), strict=True):
            if has_value:
                self._fill(question, row, known)
                for failure in question.lacking.values():
                    self._note(failure.reason, failure.detail)
            else:
                reason = f"oracle {self.panel.name} returned nan"
                question.failure = next(iter(question.lacking.values()), Failure(reason, reason))
        for question in asked:
            if question.failure is not None:
                self._bounded(self._failures, question.key, question.failure)
                for row in question.rows:
                    problems[row] = question.failure.message
                    self.fail(question.failure.reason, question.failure.detail)
        for question in asked:
            self._patience.hear(question)

    def _take_up(self, question: Question, answered: Answered) -> None:
        """Note what was answered of one object, on disk at once: nothing is lost when the run is killed."""
        whole = self.panel.apart and len(answered) == len(question.wanted)  # else nobody knows which one failed
        for place, answer in zip(question.wanted, answered, strict=False):  # after a failure no other was asked
            if not isinstance(answer, Failure):
                question.answers[place] = answer
            elif whole:
                question.lacking[place] = answer
                question.answers[place] = (np.nan,) * len(self.panel.entries[place].columns)
            else:
                question.failure = answer
        for place in question.wanted if self._kept else ():
            disk, answer = self._disks[place], question.answers[place]
            if disk is None or answer is None or place in question.lacking:
                continue
            # NaN is kept where it is the answer of one oracle among several, and not why the object has no value
            if not np.isnan(answer[0]) or (question.failure is None and self._have_values([question.numbers])[0]):
                disk.put(question.key, answer)

    def _fill(self, question: Question, numbers: Row, known: dict[int, Row]) -> None:
        """Note the numbers of one object for all its rows, and remember them."""
        for row in question.rows:
            known[row] = numbers
        self.counters.cached += len(question.rows) - 1
        self._bounded(self._cache, question.key, numbers)

    def _have_values(self, rows: Sequence[Row]) -> np.ndarray:
        """Whether these numbers make a value of each object, bool [n]."""
        if not rows:
            return np.zeros(0, dtype=bool)
        table = np.array(rows, dtype=np.float64)
        return self.panel.has_value({name: table[:, place] for name, place in self._place.items()})

    def _asked(self, objects: Any, questions: list[Question]) -> Iterator[tuple[Question, Answered]]:
        """What the wanted oracles say of each object, as it comes; what may be better the next time is asked again."""
        for question in questions:
            question.wanted = question.unanswered
        for wanted in dict.fromkeys(question.wanted for question in questions):
            group = [question for question in questions if question.wanted == wanted]
            for attempt in range(self.scoring.retries + 1):
                again: list[int] = []
                for place, answered in self._once(self.panel.kind.take(objects, [q.place for q in group]), wanted):
                    failed = any(isinstance(said, Failure) and said.transient for said in answered)
                    if failed and attempt < self.scoring.retries:
                        again.append(place)
                    else:
                        yield group[place], answered
                if not again:
                    break
                group = [group[place] for place in sorted(again)]

    def _once(self, objects: Any, wanted: Sequence[int]) -> Iterator[tuple[int, Answered]]:
        if self._workers is not None:
            yield from self._workers.answer(objects, wanted)
            return
        oracles = [self.panel.entries[place].oracle for place in wanted]
        done, whole = 0, len(objects)
        while done < whole:
            # with a disk cache in pieces of about a second, so that a run that is killed has kept what was answered
            size = self._piece if self._kept else whole
            start = time.perf_counter()
            piece = self.panel.kind.take(objects, range(done, min(done + size, whole)))
            yield from enumerate(answer_all(oracles, piece, apart=self.panel.apart), done)
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
        if answered and self.ranks.size > 1:  # of an object of this rank: the others hear of it in the next call
            self._news.append((reason, detail))
        else:
            self._note(reason, detail)

    def _note(self, reason: str, detail: str) -> None:
        reasons = self.counters.reasons
        if reason not in reasons and len(reasons) >= MAX_REASONS:
            reason = "other reasons"
        if reason not in reasons and self.ranks.first:
            detail = f" ({detail})" if detail else ""
            logger.warning("an object goes without a value: %s%s; later ones are counted, not logged", reason, detail)
        reasons[reason] = reasons.get(reason, 0) + 1

    def state_dict(self) -> dict[str, Any]:
        """Counters and memory as plain data (numbers, strings, tensors), the same on all ranks, which call together."""
        if self.ranks.size > 1:
            self._hear([told for news in self.ranks.gather(self._news) for told in news])
        names = list(self.panel.properties)
        places = [self._place[name] for name in names]
        rows = np.array(list(self._cache.values()), dtype=np.float64).reshape(len(self._cache), len(self._columns))
        return {
            "oracle": self.panel.name,
            "properties": names,
            "counters": asdict(self.counters),
            "seen": self._seen.tensor(),
            "keys": list(self._cache),
            "answers": torch.from_numpy(rows[:, places]),
            "failures": [[key, f.message, f.reason] for key, f in self._failures.items()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up counters and memory.

        Raises:
            CheckpointError: they are of another oracle, or of other properties.
        """
        names, answers = _stored(state)
        here = set(self.panel.properties)
        older = "properties" not in state  # these have derived columns, too
        if state["oracle"] != self.panel.name or not (here <= set(names) if older else here == set(names)):
            raise CheckpointError(
                f"the stored oracle answers are of {state['oracle']} with {', '.join(names)}, the reward here has "
                f"{self.panel.name} with {', '.join(self.panel.properties)}: resume with the oracle that the run "
                "began with"
            )
        rows = answers.reshape(len(state["keys"]), len(names))[:, [names.index(column) for column in self._columns]]
        self.counters = Counters(**{**state["counters"], "reasons": dict(state["counters"]["reasons"])})
        self._seen = NumberSet(state["seen"])
        self._cache = OrderedDict(zip(state["keys"], map(tuple, rows.tolist()), strict=True))
        self._failures = OrderedDict((key, Failure(*words)) for key, *words in state.get("failures", []))
        for memory in (self._cache, self._failures):
            while len(memory) > self.scoring.cache_size:
                memory.popitem(last=False)


def _stored(state: dict[str, Any]) -> tuple[list[str], Tensor]:
    """Names and columns of stored answers; before there were measurements, the value stood before its components."""
    if "properties" in state:
        return list(state["properties"]), state["answers"]
    return [state["oracle"], *state["components"]], state["answers"]
