"""Where log Z and the critics start: at what the first batch says of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from molgfn.objectives.base import Objective
from molgfn.objectives.policy_gradients import advantages
from molgfn.policies.base import Policy
from molgfn.training.updates import log_partition
from molgfn.training.updates.target_networks import Followers
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.union import Union


@torch.no_grad()
def start_log_z(
    policy: Policy,
    objective: Objective,
    batch: Trajectories,
    networks: Networks,
    union: Union,
    *,
    always: bool = False,
) -> None:
    """As ``policy.log_z_start`` says; a start that is far off costs hundreds of iterations, or the diversity.

    Args:
        policy: whose log Z it is.
        objective: whose log weights say where it is.
        batch: scored.
        networks: what the objective reads.
        union: of the batch over all processes.
        always: by the mean, where the policy started from a number that was given.
    """
    how = policy.log_z_start or ("mean" if always else None)
    if how is None:
        return
    evaluated = evaluate(batch, policy, quantities=objective.weighs_by, networks=networks, union=union)
    groups = None if evaluated.groups is None else union.gather(evaluated.groups)
    log_weights = union.gather(objective.log_weights(evaluated))
    start = log_partition.estimate(log_weights, how, groups)
    policy.log_z.constant.copy_(start.where(start.isfinite(), policy.log_z.constant))


@torch.no_grad()
def start_critics(
    critics: Mapping[str, Policy],
    followers: Followers,
    policy: Policy,
    batch: Trajectories,
    networks: Networks,
    union: Union,
) -> None:
    """Mean of V (and of the values of the objective's own networks) = mean return-to-go, for the same reason."""
    if not critics:
        return
    evaluated = evaluate(batch, policy, quantities=(LogPB,), networks=networks, union=union)
    to_go = advantages.rewards_to_go(advantages.soft_rewards(evaluated))
    mean = union.mean(to_go[evaluated.mask])
    mean = mean.where(mean.isfinite(), 0.0)
    for name, critic in critics.items():
        flow = critic(batch.states, forward=False, flow=True).log_flow
        offset = mean - union.mean(flow)  # type: ignore[arg-type]
        critic.raise_flow(offset)
        copy = followers.of(name)
        if copy is not None:
            copy.raise_flow(offset)
