"""log P_T(x), the probability that the sampler ends at x, estimated by backward sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.evaluation.progress import Progress, silent
from molgfn.policies.base import Policy
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.sampler import Sampler


@dataclass(frozen=True)
class TerminalEstimate:
    """Estimates for B objects; everything float64 on the CPU.

    Attributes:
        log_p: [B], estimate of log P_T(x); biased low by about half its squared standard error (Jensen).
        standard_error: [B], of ``log_p``, by the delta method: sd(w) / (mean(w) sqrt(N)). It is only as good as the
            weights that were seen: with few trajectories a rare heavy one is missed and the error with it.
        samples: N, backward trajectories per object.
        log_ratio: [B, N], log w of each trajectory.
    """

    log_p: Tensor
    standard_error: Tensor
    samples: int
    log_ratio: Tensor


@torch.no_grad()
def log_terminal_probability(
    environment: Environment,
    policy: Policy,
    objects: Any,
    *,
    samples: int = 16,
    generator: torch.Generator | None = None,
    seed: int = 0,
    batch: int = 256,
    under: States | None = None,
    progress: Progress = silent,
) -> TerminalEstimate:
    """Estimate log P_T(x) = log E[w], w = exp(weight of t) P_F(tau) / P_B(tau | t), tau ~ P_B(. | t).

    t is a terminal state of x from ``Environment.terminal_draws``: where several states are the same object (a molecule
    that several trees build) a new one is drawn for every trajectory, so that the estimate is that of the whole object.

    Args:
        environment: where the objects come from.
        policy: P_F whose terminal probability is asked for; its P_B proposes the trajectories.
        objects: B finished objects that the environment can build.
        samples: N, at least 2.
        generator: draws the trajectories.
        seed: draws the terminal states.
        batch: most trajectories at once.
        under: B states whose conditions the objects were built under; None: the one of the environment.
        progress: told of trajectories drawn, as "log P_T".

    Raises:
        ValueError: fewer than 2 samples.
        DataError: an object that the environment cannot build.

    Reference:
        Zhang et al., "Generative Flow Networks for Discrete Probabilistic Modeling", ICML 2022, arXiv 2202.01361, 3.3.
    """
    if samples < 2:
        raise ValueError(f"samples: {samples} backward trajectories per object; a standard error takes at least 2")
    if not len(objects):
        none = torch.zeros(0).double()
        return TerminalEstimate(none, none, samples, none.reshape(0, samples))
    weights, _ = backward_draws(
        environment,
        policy,
        objects,
        samples=samples,
        generator=generator,
        seed=seed,
        batch=batch,
        under=under,
        progress=progress,
    )
    log_mean = torch.logsumexp(weights, 1) - math.log(samples)
    relative = (weights - log_mean[:, None]).exp()
    return TerminalEstimate(log_mean, relative.std(1, correction=1) / math.sqrt(samples), samples, weights)


@torch.no_grad()
def backward_draws(
    environment: Environment,
    policy: Policy,
    objects: Any,
    *,
    samples: int,
    generator: torch.Generator | None = None,
    seed: int = 0,
    batch: int = 256,
    under: States | None = None,
    progress: Progress = silent,
) -> tuple[Tensor, Tensor]:
    """log w of every backward trajectory, and the log weight of every draw of a terminal state, float64 [B, N] each.

    P_T(x) is the mean of w. Arguments as of ``log_terminal_probability``; at least one object and one sample.

    Raises:
        DataError: an object that the environment cannot build.
    """
    n = len(objects)
    draws, weights = [], []
    for k in range(samples):
        terminal, log_weight = environment.terminal_draws(objects, seed + k)
        if under is not None:
            terminal = environment.under_condition_of(terminal, under.to(terminal.device))
        ratios = []
        for lo in range(0, n, batch):
            progress("log P_T", k * n + lo, samples * n)
            trajectories = Sampler(environment).backward(policy, terminal[lo : lo + batch], generator=generator)
            ratios.append(log_ratio(policy, trajectories))
        weights.append(log_weight.double()[:, None])
        draws.append((torch.cat(ratios) + log_weight.double())[:, None])
    return torch.cat(draws, 1), torch.cat(weights, 1)


@torch.no_grad()
def log_ratio(policy: Policy, trajectories: Trajectories) -> Tensor:
    """Log P_F(tau) / P_B(tau | t) of B trajectories, float64 [B] on the CPU."""
    # the reward plays no part in P_F / P_B; an evaluation wants to see one
    blank = replace(trajectories, log_reward=torch.zeros(len(trajectories), device=policy.device))
    evaluated = evaluate(blank, policy, quantities=(LogPB,))
    return (evaluated.log_pf.double() - evaluated[LogPB].double()).sum(1).cpu()
