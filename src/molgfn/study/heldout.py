"""Correlation of log P_T(x) with log R(x) on objects that no run of a study chose."""

from __future__ import annotations

import numpy as np
import torch

from molgfn.correlations import pearson, spearman
from molgfn.evaluation.heldout import heldout_probabilities
from molgfn.evaluation.metrics.correlation import FEWEST_OBJECTS
from molgfn.evaluation.terminal_probability import log_terminal_probability
from molgfn.experiment import Experiment, assemble
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward
from molgfn.trajectories.sampler import Sampler

#: seed of the held-out objects: the same objects for every run of a study
HELDOUT_SEED = 1_000_003
#: backward trajectories per object
TRAJECTORIES = 32

_TB = {"_target_": "molgfn.objectives.balance.trajectory_balance.TrajectoryBalance"}
_UNIFORM = {"_target_": "molgfn.objectives.backward.uniform.Uniform"}
_DATA = {"_target_": "molgfn.trajectories.mixture.Sources"}


def heldout_correlation(e: Experiment, policy: Policy, reward: Reward, heldout: int | str) -> dict[str, float]:
    """Pearson and Spearman correlation of log P_T(x) with log R(x), and on how many objects.

    Nothing for fewer than 10; NaN where one of both is the same for all.

    Args:
        e: the run.
        policy: its P_F.
        reward: log R(x).
        heldout: that many objects from an untrained policy of the run's kind with a seed of its own, the same for every
            run; or a file of molecules.
    """
    if isinstance(heldout, str):
        found = heldout_probabilities(heldout, e.measured, policy, reward, trajectories=TRAJECTORIES, seed=1)
        log_p, log_r = found.log_p, found.log_reward
    else:
        log_p, log_r = _untrained(e, policy, reward, heldout)
    good = np.isfinite(log_p)
    if good.sum() < FEWEST_OBJECTS:
        return {}
    return {
        "heldout/pearson": pearson(log_p[good], log_r[good]),
        "heldout/spearman": spearman(log_p[good], log_r[good]),
        "heldout/objects": float(good.sum()),
    }


def _untrained(e: Experiment, policy: Policy, reward: Reward, n: int) -> tuple[np.ndarray, np.ndarray]:
    """log P_T and log R of the different objects among 2n draws of an untrained policy, at most n of them."""
    state = torch.random.get_rng_state()
    plain = {**e.config, "seed": HELDOUT_SEED}
    untrained = assemble({**plain, "objective": _TB, "backward": _UNIFORM, "data": _DATA, "target": None}).policy
    torch.random.set_rng_state(state)
    generator = torch.Generator().manual_seed(HELDOUT_SEED)
    terminal = Sampler(e.measured).forward(untrained, 2 * n, generator=generator).terminal
    objects = e.measured.objects(terminal)
    keys = e.measured.kind.keys(objects)
    first = sorted({key: i for i, key in reversed(list(enumerate(keys)))}.values())[:n]
    chosen = e.measured.kind.take(objects, first)
    condition = e.measured.condition_values(e.measured.initial(len(first)))
    scores = reward(chosen, [keys[i] for i in first], condition)
    estimate = log_terminal_probability(
        e.measured, policy, chosen, samples=TRAJECTORIES, generator=torch.Generator().manual_seed(1), seed=1
    )
    scored = scores.valid.numpy()
    return estimate.log_p.numpy()[scored], scores.log_reward.numpy()[scored]
