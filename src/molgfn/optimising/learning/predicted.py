"""Learning from what the model expects: the sampler's own trajectories, valued without a call."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field

from molgfn.acquisition.models.base import Acquisition
from molgfn.errors import ConfigError
from molgfn.optimising.learning.base import Count, Learning, Lesson
from molgfn.optimising.learning.batches import batch_of
from molgfn.optimising.sampler import LoopSampler, mean_of
from molgfn.optimising.worth import log_reward_of
from molgfn.paths import InputFile
from molgfn.rewards.base import Scores
from molgfn.rewards.oracle_reward import OracleReward
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.rewarded import Batch
from molgfn.trajectories.sampler import Sampler


class PredictedRewards(Learning):
    """Each iteration draws a batch from P_F and gives its objects the log R that follows from what the model of the
    acquisition expects of them; known objects have their own. For on-policy objectives, and all others.

    The model changes each round, and R with it. So log Z starts each round anew, where the first batch says that it is.

    Args:
        optimism: standard deviations that are added to the mean which the model expects.
        updates: iterations of training each round.
        batch_size: trajectories of each.
        init_from: checkpoint or run folder whose weights the sampler starts from; None: random weights.
        device: of torch; None: a CUDA device where there is one, else the CPU.

    Reference: Jain et al. 2022, arXiv 2203.04115 (GFlowNet-AL).
    """

    reads_model: ClassVar[bool] = True

    def __init__(
        self,
        *,
        optimism: Annotated[float, Field(ge=0)] = 0.0,
        updates: Count = 8,
        batch_size: Count = 64,
        init_from: InputFile | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(updates=updates, batch_size=batch_size, init_from=init_from, device=device)
        self.optimism = optimism

    def misfits(self, sampler: LoopSampler, acquisition: Acquisition) -> list[str]:
        problems = super().misfits(sampler, acquisition)
        if not isinstance(sampler.reward, OracleReward):
            problems.append(
                f"reward: {type(sampler.reward).__name__} does not say what a value that is only expected would be "
                "worth (it is no OracleReward); use learning=replay"
            )
        if sampler.reward.reads & set(getattr(sampler.reward, "read_before", ())):
            problems.append(
                "condition: it changes which value an object has, and the model expects one for all; use "
                "learning=replay"
            )
        return problems

    def learn(self, sampler: LoopSampler, lesson: Lesson) -> dict[str, float]:
        if not len(lesson.known.valued):
            return {}
        steps = []
        for number in range(self.updates):
            drawn = Sampler(sampler.environment).forward(sampler.policy, self.batch_size, generator=lesson.generator)
            batch = self._batch(drawn, sampler, lesson)
            if number == 0:
                sampler.learner.start_log_z_anew(batch)
            steps.append(sampler.learner.step(batch))
        return mean_of(steps)

    def _batch(self, drawn: Trajectories, sampler: LoopSampler, lesson: Lesson) -> Batch:
        environment = sampler.environment
        objects = environment.objects(drawn.terminal)
        worth = self._worth(objects, sampler, lesson)
        condition = {
            name: values.cpu().numpy() for name, values in environment.condition_values(drawn.terminal).items()
        }
        scores = scores_of(worth, sampler, condition)
        return batch_of(drawn, objects, scores, sampler, final=True)

    def _worth(self, objects: Any, sampler: LoopSampler, lesson: Lesson) -> np.ndarray:
        """Of B objects, float64; NaN of what is none, or had no value."""
        kind, known = sampler.environment.kind, lesson.known
        keys, problems = kind.keys(objects), kind.problems(objects)
        row_of = {key: row for row, key in enumerate(known.keys)}
        worth = np.full(len(keys), np.nan)
        asked: dict[str, list[int]] = {}
        for place, (key, problem) in enumerate(zip(keys, problems, strict=True)):
            if problem is not None:
                continue
            if (row := row_of.get(key)) is not None:
                worth[place] = known.worth[row]
            else:
                asked.setdefault(key, []).append(place)
        if asked:
            first = [places[0] for places in asked.values()]
            mean, deviation = lesson.acquisition.expect(kind.take(objects, first))
            for places, value in zip(asked.values(), (mean + self.optimism * deviation).tolist(), strict=True):
                worth[places] = value
        return worth


def scores_of(worth: np.ndarray, sampler: LoopSampler, condition: dict[str, np.ndarray]) -> Scores:
    """What objects would be worth, B of them; NaN gets the least log R."""
    reward = sampler.reward
    if not isinstance(reward, OracleReward):
        raise ConfigError(f"reward: {type(reward).__name__} is no OracleReward")
    own = {name: condition[name] for name in reward.reads}
    log_reward = np.empty(len(worth))
    log_reward[:] = reward.least_log_reward(own)
    there = np.isfinite(worth)
    log_reward[there] = log_reward_of(worth[there], reward, {name: values[there] for name, values in own.items()})
    value = torch.from_numpy(worth.copy())
    return Scores(torch.from_numpy(log_reward), value, {}, [None if ok else "no value" for ok in there.tolist()])
