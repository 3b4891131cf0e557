"""What contains a partial object, where the space cannot be listed: total reward and probability, by sampling.

Trajectories are begun at the partial state s. Each that ends at x stands for f(x) P_B(tau|t) c(s) / (P_F(tau) w b(x)),
where t is its terminal state, w the weight of t (``Environment.terminal_draws``), c(s) that of s
(``Environment.log_multiplicity``) and b(x) the probability that a backward trajectory from x comes through s. The mean
is the sum of f over all objects that contain s, each counted once however often s lies in it. 1 / b(x) is not known;
the number of backward trajectories until one comes through s has it as its mean, so that the whole is unbiased.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import enumerable
from molgfn.errors import ConfigError, DataError
from molgfn.evaluation.progress import Progress, silent
from molgfn.evaluation.readings import HALF, Reading
from molgfn.evaluation.terminal_probability import backward_draws, log_ratio
from molgfn.policies.base import Policy
from molgfn.trajectories.sampler import Sampler

#: backward trajectories for one object after which its way through the partial object is given up
MOST_WALKS = 20_000


def estimate_log_flow_from(
    environment: Environment,
    policy: Policy,
    part: States,
    log_reward: Callable[[Any], Tensor],
    *,
    samples: int = 1000,
    seed: int = 0,
    batch: int = 256,
    progress: Progress = silent,
) -> Reading:
    """log F(s|s): log of the total reward of all objects that contain ``part``, minus its free energy.

    Args:
        environment: whose states have keys; under one condition where there is one.
        policy: P_F proposes objects (any with full support will do, a good one makes the error small), P_B the ways
            back.
        part: the state s, [1].
        log_reward: objects -> log R, float64 [B].
        samples: trajectories from s, at least 2.
        seed: of all draws.
        batch: most trajectories at once.
        progress: told of objects whose way through s was found, as "contains".

    Returns:
        The interval is that of the mean on the scale of R, in logs; its lower end is -inf where the error is as large
        as the mean. Like all importance sampling it does not know of heavy objects that were never drawn.

    Raises:
        ConfigError: fewer than 2 samples.
        DataError: the environment cannot read an object of its own back.
        DataError: a way back through s was not found.

    Reference: Bengio et al. 2021, arXiv 2111.09266 (free energies).
    """
    made, log_w, _ = _from(environment, policy, part, samples, seed, batch, progress)
    log_w = log_w + log_reward(made).double()
    log_mean = float(torch.logsumexp(log_w, 0)) - math.log(samples)
    error = float((log_w - log_mean).exp().std() / math.sqrt(samples))
    low = math.log1p(-HALF * error) if HALF * error < 1 else -math.inf
    return Reading(log_mean, log_mean + low, log_mean + math.log1p(HALF * error), error, samples)


def estimate_marginal(
    environment: Environment,
    policy: Policy,
    part: States,
    *,
    samples: int = 1000,
    backward_samples: int = 4,
    seed: int = 0,
    batch: int = 256,
    progress: Progress = silent,
) -> Reading:
    """Probability that an object of the policy contains ``part``: the sum of P_T(x) over all that do.

    No reward plays a part. P_T(x) is the mean of the weights of backward trajectories of their own.

    Args:
        environment: as of ``estimate_log_flow_from``, as are ``policy``, ``part``, ``samples``, ``seed``, ``batch``,
            ``progress`` and what is raised.
        policy: see there.
        part: see there.
        samples: see there.
        backward_samples: trajectories for P_T of each object, at least 1.
        seed: see there.
        batch: see there.
        progress: see there.
    """
    made, log_w, generator = _from(environment, policy, part, samples, seed, batch, progress)
    draws, _ = backward_draws(
        environment, policy, made, samples=backward_samples, generator=generator, seed=seed + 1, batch=batch
    )
    w = (log_w + torch.logsumexp(draws, 1) - math.log(backward_samples)).exp()
    mean, error = float(w.mean()), float(w.std() / math.sqrt(samples))
    return Reading(mean, max(mean - HALF * error, 0.0), min(mean + HALF * error, 1.0), error, samples)


@torch.no_grad()
def _from(
    environment: Environment,
    policy: Policy,
    part: States,
    samples: int,
    seed: int,
    batch: int,
    progress: Progress,
) -> tuple[Any, Tensor, torch.Generator]:
    """Objects that contain ``part``, the log of what each stands for without f(x) [B], and the generator afterwards."""
    if samples < 2:
        raise ConfigError(f"samples: should be at least 2 ({samples}): an error is estimated from several")
    listing = enumerable(environment, "a partial object")
    generator = torch.Generator(policy.device).manual_seed(seed)
    start = part.to(policy.device)
    mark = listing.hashes(start)
    made, logs, sampler = [], [], Sampler(environment)
    for lo in range(0, samples, batch):
        n = min(batch, samples - lo)
        drawn = sampler.forward(policy, n, generator=generator, start=start[torch.zeros(n, dtype=torch.int64)])
        objects = environment.objects(drawn.terminal)
        made.append(objects)
        _, weight = environment.terminal_draws(objects, seed)
        walks = _walks(environment, policy, objects, mark, generator, seed + 7919 * (1 + lo))
        logs.append(walks.log() - log_ratio(policy, drawn) - weight.double().cpu())
        progress("contains", lo + n, samples)
    multiplicity = environment.log_multiplicity(part).double().cpu()
    return environment.kind.cat(made), torch.cat(logs) + multiplicity, generator


def _walks(
    environment: Environment, policy: Policy, objects: Any, mark: Tensor, generator: torch.Generator, seed: int
) -> Tensor:
    """How many backward trajectories it took for each of B objects until one came through the state of hash ``mark``.

    float64 [B]; all objects that still wait take one each at a time.
    """
    listing = enumerable(environment, "a partial object")
    waiting, walks = torch.arange(len(objects)), torch.zeros(len(objects), dtype=torch.float64)
    for k in range(MOST_WALKS):
        some = environment.kind.take(objects, waiting.tolist())
        terminal, _ = environment.terminal_draws(some, seed + k)
        back = Sampler(environment).backward(policy, terminal, generator=generator)
        met = (listing.hashes(back.states) == mark).to(torch.int64)
        through = torch.zeros(len(waiting), dtype=torch.int64, device=met.device)
        through = through.scatter_reduce(0, back.trajectory, met, "amax").bool().cpu()
        walks[waiting] += 1
        waiting = waiting[~through]
        if not len(waiting):
            return walks
    raise DataError(
        f"of {len(objects)} objects, {len(waiting)} were not taken back through the partial object in {MOST_WALKS:,} "
        "backward trajectories each; P_B goes elsewhere almost always (or never, where the environment reads an object "
        "back in another way than it was built)"
    )
