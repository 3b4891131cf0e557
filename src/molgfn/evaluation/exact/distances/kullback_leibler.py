"""The Kullback-Leibler divergence, in the order that is asked for."""

from __future__ import annotations

import torch
from torch import Tensor


def kullback_leibler(p: Tensor, q: Tensor) -> float:
    """KL(p || q) = sum_k p_k log(p_k / q_k) of probabilities [K], in nats; infinite where q misses something of p.

    KL(target || sampler) is large where the sampler leaves something out, KL(sampler || target) where it makes too much
    of something.
    """
    return float(torch.where(p > 0, p * (p.log() - q.log()), torch.zeros_like(p)).sum())
