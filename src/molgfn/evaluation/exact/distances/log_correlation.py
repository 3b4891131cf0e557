"""Whether a sampler ranks objects as the reward does."""

from __future__ import annotations

import math

import torch
from scipy import stats
from torch import Tensor

#: fewer objects have no correlation
FEWEST = 3


def log_correlation(p: Tensor, log_reward: Tensor) -> tuple[float, float]:
    """Pearson's and Spearman's correlation of log p_k with log R_k of probabilities p [K], in [-1, 1].

    Both do not change where p is multiplied by a number. NaN for fewer than three objects, where one of both is the
    same for all, or where some p_k is 0.

    Reference: Bengio et al., arXiv 2106.04399 (log-correlation on a held-out set).
    """
    x, y = p.double().log(), log_reward.double()
    if len(x) < FEWEST or not bool(x.isfinite().all()) or bool((x == x[0]).all()) or bool((y == y[0]).all()):
        return math.nan, math.nan
    pearson = float(torch.corrcoef(torch.stack([x, y]))[0, 1])
    return pearson, float(stats.spearmanr(x.numpy(), y.numpy()).statistic)  # type: ignore[attr-defined]
