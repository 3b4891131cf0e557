"""The mean reward of a sampler beside that of its target."""

from __future__ import annotations

import torch
from torch import Tensor


def relative_mean_reward(p: Tensor, log_reward: Tensor) -> float:
    """E_p[R] / E_pi[R] with pi = R / Z, of probabilities p [K] and log R [K].

    1 for a perfect sampler, and for many others; above 1 where p makes too much of large rewards, which the papers'
    "accuracy" hides: it is clipped at 1.

    Reference: Shen et al., arXiv 2305.07170; He et al., arXiv 2406.02213 (clipped).
    """
    log_mean = torch.logsumexp(p.log() + log_reward, 0)
    return float((log_mean - torch.logsumexp(2 * log_reward, 0) + torch.logsumexp(log_reward, 0)).exp())
