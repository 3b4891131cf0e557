"""Training batches of objects whose values are there already: no oracle is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from molgfn.acquisition.known import Known
from molgfn.errors import ContractError
from molgfn.optimising.sampler import LoopSampler
from molgfn.rewards.base import Scores
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.rewarded import Batch, Rewarded


def scores_at(known: Known, rows: np.ndarray) -> Scores:
    """The scores of known objects at ``rows``."""
    if known.scores is None:
        raise ContractError("nothing is known, so there are no scores")
    scores, at = known.scores, torch.from_numpy(rows)
    return Scores(
        scores.log_reward[at],
        scores.value[at],
        {name: column[at] for name, column in scores.components.items()},
        [scores.problems[row] for row in rows.tolist()],
        None if scores.measurements is None else scores.measurements.index(at),
    )


def batch_of(drawn: Trajectories, objects: Any, scores: Scores, sampler: LoopSampler, *, final: bool = False) -> Batch:
    """B trajectories with the scores of their objects.

    Args:
        drawn: the trajectories.
        objects: theirs.
        scores: of them.
        sampler: of the loop.
        final: log R of ``scores`` is that under the conditions which the trajectories carry; otherwise it is made anew
            of what was measured, where R reads one.
    """
    environment, reward = sampler.environment, sampler.reward
    condition = environment.condition_values(drawn.terminal)
    log_reward = scores.log_reward
    if reward.reads and not final:
        if scores.measurements is None:
            raise ContractError(f"{type(reward).__name__} reads a condition, but keeps nothing of what was measured")
        log_reward = reward.revalue(scores.measurements, condition)
    device = drawn.lengths.device
    found = replace(
        drawn,
        log_reward=log_reward.to(device),
        log_symmetry=environment.log_symmetry(drawn.terminal, objects).to(device),
        keys=environment.kind.keys(objects),
        source=["known"] * len(drawn),
        measurements=scores.measurements,
    )
    return Batch.of(Rewarded(found, objects, replace(scores, log_reward=log_reward), condition=condition))
