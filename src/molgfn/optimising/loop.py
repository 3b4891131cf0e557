"""The loop: fit, train, propose, choose, score, append, until the budget is spent."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from molgfn.acquisition.known import PRESCREEN, Known
from molgfn.acquisition.models.base import Choice
from molgfn.acquisition.models.plain import RandomChoice
from molgfn.acquisition.proposers.base import Ask
from molgfn.acquisition.proposers.several import Pool
from molgfn.experiment.assembling import reward_of
from molgfn.optimising import streams
from molgfn.optimising.assembling import Parts
from molgfn.optimising.learning.base import Lesson
from molgfn.optimising.plain import plain_known, whole_known
from molgfn.optimising.progress import Calls, row_of
from molgfn.optimising.tracks import carried_labels
from molgfn.optimising.worth import worth_of
from molgfn.training.logs.scored_record import ScoredRecord

logger = logging.getLogger("molgfn")

#: what is called the proposer of molecules that a prescreen had labelled
LABELLED = "prescreen"


class Loop:
    """One optimisation. It can stop after any round, and goes on from ``state_dict`` as if it had not.

    Args:
        parts: of ``assemble``.
        record: of every call.

    Attributes:
        known: everything that is known.
        calls: the calls so far.
        number: rounds so far.
        labels: values from outside the budget.
        rows: a row of metrics for each round.
    """

    def __init__(self, parts: Parts, record: ScoredRecord) -> None:
        self.parts, self.record = parts, record
        self.known = Known(parts.kind)
        self.calls = Calls()
        self.number, self.labels, self._empty = 0, 0, 0
        self.rows: list[dict[str, float]] = []

    def begin(self) -> None:
        """Take up the labels that are outside the budget: of a prescreen, and of runs that learnt from this oracle."""
        carried = carried_labels(self.parts.config)
        for key, count in carried.items():
            logger.info("%s: has learnt from %d labels of this oracle, which are outside the budget", key, count)
        self.labels = sum(carried.values())
        prescreen = self.parts.prescreen
        if prescreen is None:
            return
        reward = reward_of(self.parts.config)
        molecules, scores = prescreen.labels(reward)
        self.labels += len(molecules)
        worth = worth_of(scores, reward)
        rows = np.argsort(-np.nan_to_num(worth, nan=-np.inf), kind="stable")[: prescreen.keep]
        rows = rows[np.isfinite(worth[rows])]
        kept = scores.index(torch.from_numpy(rows))
        keys = [molecules[row].smiles for row in rows.tolist()]
        self.known.add(self._parsed(keys), keys, worth[rows], PRESCREEN, [LABELLED] * len(keys), kept)
        logger.info("prescreen: %d labels outside the budget, the best %d are known", len(molecules), len(keys))

    @property
    def ended(self) -> str | None:
        """Why it is over; None where it is not."""
        rounds = self.parts.rounds
        if self.parts.reward.spent:
            return f"the budget of {self.parts.budget:,} calls is spent"
        if rounds.most is not None and self.number >= rounds.most:
            return f"{rounds.most:,} rounds are done"
        if self._empty >= rounds.patience:
            return f"no proposer had a new candidate in {self._empty} rounds"
        return None

    @property
    def left(self) -> int:
        """Calls that the budget still allows."""
        return self.parts.budget - self.parts.reward.counters.unique

    def step(self) -> None:
        """One round."""
        self.number += 1
        size = min(self.parts.rounds.first if self.number == 1 else self.parts.rounds.size, self.left)
        torch.manual_seed(streams.seed_of(self.parts.seed, self.number, "torch"))  # what a part draws by itself
        learnt: dict[str, float] = {}
        if self.number == 1 and len(self.known):
            rows = self.known.best(size)
            pool = Pool(self.known.take(rows), [self.known.keys[row] for row in rows.tolist()], [LABELLED] * len(rows))
            choice = Choice.plain(range(len(rows)), f"among the best {len(self.known):,} labels of the prescreen")
        else:
            learnt = self._learn()
            pool = self._propose()
            choice = self._choose(pool, size, learnt)
        if len(choice.rows):
            self._score(pool, choice)
        self._empty = 0 if len(choice.rows) else self._empty + 1
        self.rows.append(row_of(self.number, self.calls, pool, self.parts) | learnt)

    def _numbers(self, name: str) -> np.random.Generator:
        return streams.numbers(self.parts.seed, self.number, name)

    def _tensors(self, name: str) -> torch.Generator:
        sampler = self.parts.sampler
        device = "cpu" if sampler is None else sampler.policy.device
        return streams.tensors(self.parts.seed, self.number, name, device)

    def _learn(self) -> dict[str, float]:
        """Fit the acquisition, train the sampler."""
        parts = self.parts
        if len(self.known.valued):
            parts.acquisition.fit(self.known)
        if parts.sampler is None or parts.learning is None:
            return {}
        lesson = Lesson(self.known, parts.acquisition, self._numbers("learning"), self._tensors("learning"))
        return {f"train/{name}": value for name, value in parts.learning.learn(parts.sampler, lesson).items()}

    def _propose(self) -> Pool:
        parts = self.parts
        hopes = parts.acquisition.hopes(self._numbers("hopes")) if len(self.known.valued) else None
        policy = None if parts.sampler is None else parts.sampler.policy

        def ask(name: str) -> Ask:
            return Ask(self.known, self._numbers(f"propose {name}"), self._tensors(f"propose {name}"), hopes, policy)

        return parts.candidates.propose(self.known, ask)

    def _choose(self, pool: Pool, size: int, row: dict[str, float]) -> Choice:
        """Whom the oracle is asked for; ``row`` gets the numbers of a selector."""
        if not len(pool):
            return Choice.plain([], "")
        random = self._numbers("choose")
        if self.parts.acquisition.models and not len(self.known.valued):
            choice = RandomChoice().choose(pool.objects, size, random)
            return Choice(choice.rows, choice.values, [f"nothing is known yet: {why}" for why in choice.reasons])
        if self.parts.selector is not None:
            belief = self.parts.acquisition.belief(pool.objects, random)
            if belief is not None:
                choice, numbers = self.parts.selector.choose(belief, size, random)
                row |= {f"selector/{name}": value for name, value in numbers.items()}
                return choice
        return self.parts.acquisition.choose(pool.objects, size, random)

    def _score(self, pool: Pool, choice: Choice) -> None:
        """Ask the oracle, and keep what it says."""
        rows = choice.rows.tolist()
        keys, sources = [pool.keys[row] for row in rows], [pool.sources[row] for row in rows]
        objects = self._parsed(keys)
        reward, sampler = self.parts.reward, self.parts.sampler
        condition = {} if sampler is None else sampler.condition(len(keys))
        scores = reward(objects, keys, condition)
        worth = worth_of(scores, reward)
        notes = {"acquisition": choice.values.tolist(), "why": choice.reasons}
        self.record.add(self.number, keys, sources, scores, notes=notes)
        if keys and keys[0] in self.known:  # labelled before, and asked now: what the oracle says is what counts
            self.known.correct(keys, worth, scores)
        else:
            self.known.add(objects, keys, worth, self.number, sources, scores)
        self.calls.add(keys, scores.value.tolist(), sources, self.number)

    def _parsed(self, keys: list[str]) -> Any:
        """Objects made of their keys alone, as a loop that goes on makes them: another order of atoms is another one to
        whoever draws from it.
        """
        return self.parts.kind.parse(keys)

    def state_dict(self) -> dict[str, Any]:
        """Where it stands after a round, as plain data and tensors."""
        sampler = self.parts.sampler
        return {
            "number": self.number,
            "labels": self.labels,
            "empty": self._empty,
            "rows": self.rows,
            "calls": self.calls.plain(),
            "known": plain_known(self.known),
            "reward": self.parts.reward.state_dict(),
            "sampler": None if sampler is None else sampler.state_dict(),
            "selector": None if self.parts.selector is None else self.parts.selector.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``; what was recorded after it is dropped."""
        self.number, self.labels, self._empty = state["number"], state["labels"], state["empty"]
        self.rows = list(state["rows"])
        self.calls = Calls.of(state["calls"])
        self.known = whole_known(state["known"], self.parts.kind)
        self.parts.reward.load_state_dict(state["reward"])
        if self.parts.sampler is not None:
            self.parts.sampler.load_state_dict(state["sampler"])
        if self.parts.selector is not None:
            self.parts.selector.load_state_dict(state["selector"])
        self.record.forget_after(self.number)


def record_in(folder: Path) -> ScoredRecord:
    """The record of a run folder."""
    return ScoredRecord(folder / "scored.sqlite")
