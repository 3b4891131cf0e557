"""Soft rewards of construction steps, and what policy gradients weigh log P_F with."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from molgfn.objectives import residuals
from molgfn.objectives.policy_gradients.frozen import LogPFOld
from molgfn.trajectories.evaluated import Evaluated


def soft_rewards(evaluated: Evaluated) -> Tensor:
    """g_t = log P_B - log P_F, at the exit log R'(x) - log P_F; [B, T], 0 on pads, without gradient.

    log P_F is that at the start of the iteration where it is frozen (``LogPFOld``): the policy that drew the batch.
    """
    if LogPFOld in evaluated:
        evaluated = replace(evaluated, log_pf=evaluated[LogPFOld])
    return -residuals.steps(evaluated).detach()


def rewards_to_go(rewards: Tensor) -> Tensor:
    """sum_{k >= t} g_k, [B, T] -> [B, T]; at t = 0 the soft return G(tau). Pads (0, on the right) add nothing."""
    return rewards.flip(1).cumsum(1).flip(1)


def td_residuals(rewards: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """d_t = g_t + V(s_{t+1}) - V(s_t) with V = 0 at the sink; [B, T], 0 on pads."""
    value = value * mask
    return rewards + torch.nn.functional.pad(value[:, 1:], (0, 1)) - value


def gae(rewards: Tensor, value: Tensor, mask: Tensor, lambda_: float) -> Tensor:
    """Generalised advantages A_t = sum_{k >= t} lambda^(k-t) d_k, [B, T], 0 on pads.

    The discount is 1: any other would change the distribution that is sampled. One weighted sum over [B, T, T], no
    loop; a step beyond the exit has d = 0 and so takes no part (a state repeated at the end would bias all advantages).

    Reference: Schulman et al. 2016, arXiv 1506.02438, equation 16.
    """
    residual = td_residuals(rewards, value, mask)
    position = torch.arange(residual.shape[1], device=residual.device)
    ahead = (position[None, :] - position[:, None]).clamp(min=0)
    weights = torch.full_like(residual[0, :1], lambda_).pow(ahead).triu()
    return (weights * residual[:, None, :]).sum(2) * mask


def centred(advantage: Tensor, evaluated: Evaluated) -> Tensor:
    """Less the mean over all real steps of the batch of all processes, of those under each condition where there are
    conditions; ``advantage`` [B, T], 0 on pads.
    """
    union, mask, groups = evaluated.union, evaluated.mask, evaluated.groups
    if groups is None:
        return (advantage - union.sum(advantage) / union.sum(mask)) * mask
    steps = union.sum(mask.sum(1).to(advantage.dtype), groups)
    return (advantage - (union.sum(advantage.sum(1), groups) / steps)[:, None]) * mask
