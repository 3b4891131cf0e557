"""Learning from all that was scored: trajectories to known objects by P_B, the best more often."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field

from molgfn.acquisition.known import Known
from molgfn.acquisition.ranking import rank_weights
from molgfn.environments.base import Environment, States
from molgfn.errors import DataError
from molgfn.objects.molecule import MOLECULE
from molgfn.optimising.learning.base import Count, Learning, Lesson
from molgfn.optimising.learning.batches import batch_of, scores_at
from molgfn.optimising.sampler import LoopSampler, mean_of
from molgfn.paths import InputFile
from molgfn.trajectories.reading_back import read_back
from molgfn.trajectories.rewarded import Batch
from molgfn.trajectories.sampler import Sampler


class RankedReplay(Learning):
    """Each trajectory leads to a scored object, drawn with rank weight 1 / (k N + rank), by P_B.

    Whoever proposed the object: the sampler learns from offspring of a genetic algorithm as well, where its environment
    can build them. Those that it cannot are left out of the learning and counted (``outside``). Under a condition each
    trajectory has a newly drawn one, and the log R that follows from what was measured. Log R of an object does not
    change from round to round, so log Z goes on where it was.

    Args:
        rank_weight: k; small takes the best almost alone.
        redraw: one of an object's states is drawn anew each time (a randomised SMILES, another fragment tree); False
            takes the first, which is faster.
        updates: iterations of training each round.
        batch_size: trajectories of each.
        init_from: checkpoint or run folder whose weights the sampler starts from; None: random weights.
        device: of torch; None: a CUDA device where there is one, else the CPU.

    Reference: Kim et al. 2024, arXiv 2402.05961 (Genetic GFN: k = .01, 8 updates of 64); redrawn SMILES: Guo and
    Schwaller 2024, arXiv 2305.16160 (Augmented Memory).
    """

    off_policy: ClassVar[str | None] = "feeds it trajectories to objects that were scored"

    def __init__(
        self,
        *,
        rank_weight: Annotated[float, Field(gt=0)] = 0.01,
        redraw: bool = True,
        updates: Count = 8,
        batch_size: Count = 64,
        init_from: InputFile | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(updates=updates, batch_size=batch_size, init_from=init_from, device=device)
        self.rank_weight, self.redraw = rank_weight, redraw
        self._looked = 0  # known objects that were looked at
        self._rows: list[int] = []  # of those that the environment can build
        self._terminal: Any = None

    def learn(self, sampler: LoopSampler, lesson: Lesson) -> dict[str, float]:
        known, environment = lesson.known, sampler.environment
        self._look(known, environment)
        valued = np.isfinite(known.worth[self._rows])
        usable = np.flatnonzero(valued)
        if not len(usable):
            return {}
        rows = np.array(self._rows)[usable]
        weights = rank_weights(known.worth[rows], self.rank_weight)
        steps = []
        for _ in range(self.updates):
            drawn = lesson.random.choice(len(rows), self.batch_size, p=weights)
            batch = self._batch(sampler, lesson, rows[drawn], usable[drawn])
            steps.append(sampler.learner.step(batch))
        return mean_of(steps) | {"outside": float(self._looked - len(self._rows)), "learnt_from": float(len(rows))}

    def _look(self, known: Known, environment: Environment) -> None:
        """Find the states of what is new."""
        new = list(range(self._looked, len(known)))
        self._looked = len(known)
        if not new:
            return
        objects = known.take(np.array(new))
        kept, terminal = _built(environment, objects, [known.keys[row] for row in new])
        if terminal is not None:
            self._rows += [new[i] for i in kept]
            self._terminal = terminal if self._terminal is None else type(terminal).cat([self._terminal, terminal])

    def _batch(self, sampler: LoopSampler, lesson: Lesson, rows: np.ndarray, places: np.ndarray) -> Batch:
        """Trajectories to known objects ``rows``, whose first states are at ``places``."""
        environment, objects = sampler.environment, lesson.known.take(rows)
        draw = torch.Generator().manual_seed(int(lesson.random.integers(2**62)))
        if self.redraw:
            terminal, _ = environment.terminal_draws(objects, int(lesson.random.integers(2**31)))
        else:
            terminal = self._terminal[torch.from_numpy(places)]
        terminal = environment.with_drawn_condition(terminal, draw)
        drawn = Sampler(environment).backward(sampler.policy, terminal, generator=lesson.generator)
        return batch_of(drawn, objects, scores_at(lesson.known, rows), sampler)


def _built(environment: Environment, objects: Any, keys: list[str]) -> tuple[list[int], States | None]:
    """Which of the objects the environment can build as just these, and a terminal state of each."""
    if environment.kind is MOLECULE:
        problems, terminal = read_back(environment, objects)
        rows = [row for row, problem in enumerate(problems) if problem is None]
    else:
        rows, states = [], []
        for row in range(len(objects)):
            try:
                states.append(environment.states_of(environment.kind.take(objects, [row])))
                rows.append(row)
            except DataError:
                continue
        terminal = type(states[0]).cat(states) if states else None
    if terminal is None:
        return [], None
    again = environment.kind.keys(environment.objects(terminal))
    same = [i for i, row in enumerate(rows) if again[i] == keys[row]]
    return [rows[i] for i in same], terminal[torch.tensor(same, dtype=torch.int64)] if same else None
