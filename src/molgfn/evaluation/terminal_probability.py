"""log P_T(x), the probability that the sampler ends at x, estimated by backward sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.policies.base import Policy
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.scoring import score


@dataclass(frozen=True)
class TerminalEstimate:
    """Estimates for B objects; everything float64 on the CPU.

    Attributes:
        log_p: [B], estimate of log P_T(x); biased low by about half its squared standard error (Jensen).
        standard_error: [B], of ``log_p``, by the delta method: sd(w) / (mean(w) sqrt(N)). It is only as good as the
            weights that were seen: with few trajectories a rare heavy one is missed and the error with it.
        samples: N, backward trajectories per object.
    """

    log_p: Tensor
    standard_error: Tensor
    samples: int


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

    Raises:
        ValueError: fewer than 2 samples.
        DataError: an object that the environment cannot build.

    Reference:
        Zhang et al., "Generative Flow Networks for Discrete Probabilistic Modeling", ICML 2022, arXiv 2202.01361, 3.3.
    """
    if samples < 2:
        raise ValueError(f"samples: {samples} backward trajectories per object; a standard error takes at least 2")
    n = len(objects)
    if not n:
        return TerminalEstimate(torch.zeros(0).double(), torch.zeros(0).double(), samples)
    draws = torch.stack(
        [_log_weights(environment, policy, objects, generator, seed + k, batch) for k in range(samples)], 1
    )
    log_mean = torch.logsumexp(draws, 1) - math.log(samples)
    relative = (draws - log_mean[:, None]).exp()
    return TerminalEstimate(log_mean, relative.std(1, correction=1) / math.sqrt(samples), samples)


def _log_weights(
    environment: Environment, policy: Policy, objects: Any, generator: torch.Generator | None, seed: int, batch: int
) -> Tensor:
    """Log w of one backward trajectory per object, [B]."""
    terminal, log_weight = environment.terminal_draws(objects, seed)
    parts = []
    for lo in range(0, len(terminal), batch):
        some = slice(lo, lo + batch)
        trajectories = Sampler(environment).backward(policy, terminal[some], generator=generator)
        # the reward plays no part in P_F / P_B; scoring wants to see one
        blank = replace(trajectories, log_reward=torch.zeros(len(trajectories), device=policy.device))
        scored = score(blank, policy, requires=frozenset({"log_pb"}))
        if scored.log_pb is None:
            raise ValueError(f"{type(policy).__name__} gave no log_pb though it was required")
        log_ratio = (scored.log_pf.double() - scored.log_pb.double()).sum(1).cpu()
        parts.append(log_ratio + log_weight[some].double())
    return torch.cat(parts)
