"""Given molecules, to see whether a policy ranks what it was not trained on as the reward does."""

from __future__ import annotations

import numpy as np
import torch

from molgfn.datasets.reading import unfit
from molgfn.environments.base import Environment
from molgfn.errors import ConfigError, DataError
from molgfn.evaluation.metrics.base import TerminalProbabilities
from molgfn.evaluation.progress import Progress, silent
from molgfn.evaluation.terminal_probability import log_terminal_probability
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward
from molgfn.trajectories.sources.offline import OfflineMolecules


def heldout_probabilities(
    molecules: str,
    environment: Environment,
    policy: Policy,
    reward: Reward,
    *,
    trajectories: int,
    seed: int = 0,
    progress: Progress = silent,
) -> TerminalProbabilities:
    """log P_T(x) and log R(x) of the molecules of a file that the environment can build and the reward can score.

    How many were left out, and why, is logged.

    Args:
        molecules: a file of molecules, or the name of a set (``molgfn data list``).
        environment: builds them.
        policy: P_F whose P_T is asked for.
        reward: log R(x).
        trajectories: backward trajectories per molecule, at least 2.
        seed: of terminal states and trajectories.
        progress: told of trajectories drawn, as "log P_T of held-out molecules".

    Raises:
        ConfigError: the environment builds no molecules.
        DataError: the file cannot be read, or none of it can be built and scored.
    """
    if reason := unfit(environment.kind, type(environment).__name__):
        raise ConfigError(f"heldout: {reason}")
    given = OfflineMolecules(molecules=molecules, limit=None)
    given.prepare(environment)
    condition = environment.condition_values(environment.initial(len(given)))  # the fixed one, or the reference
    scores = reward(given.objects, environment.kind.keys(given.objects), condition)
    scored = np.flatnonzero(scores.valid.numpy())
    if not len(scored):
        raise DataError(f"{molecules}: the reward gives none of the {len(given)} molecules a value")
    estimate = log_terminal_probability(
        environment,
        policy,
        environment.kind.take(given.objects, scored.tolist()),
        samples=trajectories,
        generator=torch.Generator(policy.device).manual_seed(seed),
        seed=seed,
        progress=lambda what, done, total: progress(f"{what} of held-out molecules", done, total),
    )
    return TerminalProbabilities(
        name="heldout",
        log_p=estimate.log_p.numpy(),
        error=estimate.standard_error.numpy(),
        log_reward=scores.log_reward.double().numpy()[scored],
        trajectories=trajectories,
        log_ratio=estimate.log_ratio.numpy(),
    )
