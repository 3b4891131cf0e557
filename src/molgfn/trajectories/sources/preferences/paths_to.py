"""What sources of pairs have in common: paths to given objects, what they are worth, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from molgfn.environments.base import Environment, States
from molgfn.policies.base import Policy
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.rewarded import Rewarded, without_rewards
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.base import Context


def unconditional(policy: Policy) -> str | None:
    """Why pairs are of no use to a policy; None where they are."""
    if not policy.environment.condition_size:
        return None
    return "pairs do not say under which condition one is preferred; leave condition null"


def drawn_to(context: Context, objects: Any, terminal: States) -> Trajectories:
    """A trajectory by P_B to each terminal state of B objects, with keys and not scored."""
    environment = context.policy.environment
    drawn = Sampler(environment).backward(context.policy, terminal, generator=context.generator)
    return replace(drawn, keys=environment.kind.keys(objects))


def worth(
    context: Context, trajectories: Trajectories, symmetry: torch.Tensor | None = None
) -> Rewarded | Trajectories:
    """Trajectories as the learner takes them: with rewards where somebody reads them, else with log C(x) alone.

    Args:
        context: says who reads rewards.
        trajectories: not scored, with keys.
        symmetry: log C(x), [B], where it is known; None: asked of the environment.
    """
    if context.given_rewards:
        return context.given(trajectories)
    if symmetry is None:
        symmetry = log_symmetry(context.policy.environment, trajectories)
    found = without_rewards(trajectories, context.state_rewards)
    return replace(found, log_symmetry=symmetry.to(trajectories.lengths.device))


def log_symmetry(environment: Environment, trajectories: Trajectories) -> torch.Tensor:
    """log C(x) of the objects that trajectories lead to, float64 [B]."""
    terminal = trajectories.terminal
    return environment.log_symmetry(terminal, environment.objects(terminal))
