"""Entropy of P_T and mutual information where the space cannot be listed: estimates between two bounds. In nats.

log P_T(x) = log E[w] over backward trajectories (``terminal_probability``). The log of a mean of N weights is too low
on average; where one of the N is replaced by the weight of the trajectory that made x, it is too high on average
(bidirectional Monte Carlo, Grosse et al. 2015, arXiv 1511.02543). An interval goes from the lower one to the upper one,
each with its sampling error, so that it has both errors in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.information import condition_weights, members_under
from molgfn.evaluation.progress import Progress, silent
from molgfn.evaluation.readings import HALF, Reading
from molgfn.evaluation.terminal_probability import backward_draws, log_ratio
from molgfn.policies.base import Policy
from molgfn.trajectories.sampler import Sampler


def estimate_entropy(
    environment: Environment,
    policy: Policy,
    *,
    objects: int = 1000,
    samples: int = 16,
    seed: int = 0,
    batch: int = 256,
    progress: Progress = silent,
) -> Reading:
    """Entropy of P_T over finished objects, -E[log P_T(x)].

    Args:
        environment: what builds them; under one condition where there is one.
        policy: what samples; its P_B proposes the trajectories.
        objects: drawn from the policy, at least 2.
        samples: backward trajectories for each, at least 2.
        seed: of all draws.
        batch: most trajectories at once.
        progress: told of trajectories drawn, as "log P_T".

    Raises:
        ConfigError: too few objects or samples, or weights of objects that depend on more than the object.
        DataError: the environment cannot read an object of its own back (as for log P_T).
    """
    _require(objects, samples)
    generator = torch.Generator(policy.device).manual_seed(seed)
    made, own = _draw(environment, policy, objects, generator, batch)
    low, high = _log_p(environment, policy, made, own, samples, generator, seed, batch, progress)
    return _between(-high, -low)


def estimate_mutual_information(
    environment: Environment,
    policy: Policy,
    conditions: Sequence[Mapping[str, float]],
    weights: Tensor | None = None,
    *,
    objects: int = 100,
    samples: int = 16,
    seed: int = 0,
    batch: int = 256,
    progress: Progress = silent,
) -> Reading:
    """I(c; x) = E[log P(x|c) - log sum_c' w_c' P(x|c')] between a condition of a finite set and the object.

    Every object is asked about under every condition.

    Args:
        environment: under a condition that is drawn.
        policy: trained in it.
        conditions: values by name, one mapping for each of C conditions.
        weights: how likely each is, [C], summing to 1; None: equally.
        objects: drawn under each condition, at least 2.
        samples: backward trajectories for each object and condition, at least 2.
        seed: of all draws.
        batch: most trajectories at once.
        progress: told of trajectories drawn, as "log P_T".

    Raises:
        ConfigError: as ``estimate_entropy``; no condition, or not such a value of it.
        DataError: the environment cannot read an object of its own back.
    """
    _require(objects, samples)
    members = members_under(environment, policy, conditions)
    w = condition_weights(weights, len(members))
    generator = torch.Generator(policy.device).manual_seed(seed)
    lows, highs, errors = [], [], []
    for c, member in enumerate(members):
        made, own = _draw(member.environment, policy, objects, generator, batch)
        each = []  # of every condition; under its own the second has the weight of the trajectory that made x
        for other, under in enumerate(members):
            mine = own if other == c else None
            each.append(_log_p(under.environment, policy, made, mine, samples, generator, seed, batch, progress))
        log_w = w.log()[:, None]
        mean_low = torch.logsumexp(log_w + torch.stack([low for low, _ in each]), 0)
        mean_high = torch.logsumexp(log_w + torch.stack([high for _, high in each]), 0)
        least, most = each[c][0] - mean_high, each[c][1] - mean_low
        lows.append(least)
        highs.append(most)
        errors.append(w[c] ** 2 * torch.stack([least.var(), most.var(), ((least + most) / 2).var()]) / objects)
    low = float(sum(w[c] * x.mean() for c, x in enumerate(lows)))
    high = float(sum(w[c] * x.mean() for c, x in enumerate(highs)))
    error = torch.stack(errors).sum(0).sqrt().tolist()
    value = (low + high) / 2
    return Reading(value, low - HALF * error[0], high + HALF * error[1], error[2], objects * len(members))


def _require(objects: int, samples: int) -> None:
    if objects < 2 or samples < 2:
        raise ConfigError(
            f"objects ({objects}) and samples ({samples}) should be at least 2: an error is estimated from several"
        )


def _draw(
    environment: Environment, policy: Policy, n: int, generator: torch.Generator, batch: int
) -> tuple[Any, Tensor]:
    """``n`` objects, and log P_F(tau) / P_B(tau|t) of the trajectories that made them, float64 [n]."""
    objects, ratios, sampler = [], [], Sampler(environment)
    for lo in range(0, n, batch):
        drawn = sampler.forward(policy, min(batch, n - lo), generator=generator)
        objects.append(environment.objects(drawn.terminal))
        ratios.append(log_ratio(policy, drawn))
    return environment.kind.cat(objects), torch.cat(ratios)


def _log_p(
    environment: Environment,
    policy: Policy,
    objects: Any,
    own: Tensor | None,
    samples: int,
    generator: torch.Generator,
    seed: int,
    batch: int,
    progress: Progress,
) -> tuple[Tensor, Tensor]:
    """log P_T of B objects, too low on average and too high on average (the same without ``own`` [B]), float64 [B]."""
    draws, weights = backward_draws(
        environment,
        policy,
        objects,
        samples=samples,
        generator=generator,
        seed=seed,
        batch=batch,
        progress=progress,
    )
    low = torch.logsumexp(draws, 1) - math.log(samples)
    if own is None:
        return low, low
    if not torch.allclose(weights, weights[:, :1]):
        raise ConfigError(
            f"{type(environment).__name__}: the weight of a terminal state (terminal_draws) depends on more than the "
            "object, so that entropies cannot be bounded"
        )
    instead = draws.clone()
    instead[:, 0] = own + weights[:, 0]
    return low, torch.logsumexp(instead, 1) - math.log(samples)


def _between(low: Tensor, high: Tensor) -> Reading:
    """The mean between two bounds of each object [B], with an interval around both."""
    n = len(low)
    least = float(low.mean() - HALF * low.std() / math.sqrt(n))
    most = float(high.mean() + HALF * high.std() / math.sqrt(n))
    middle = (low + high) / 2
    return Reading(float(middle.mean()), least, most, float(middle.std() / math.sqrt(n)), n)
