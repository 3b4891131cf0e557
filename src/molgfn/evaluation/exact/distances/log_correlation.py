"""Whether a sampler ranks objects as the reward does."""

from __future__ import annotations

from torch import Tensor

from molgfn.correlations import pearson, spearman

#: fewer objects have no correlation
FEWEST = 3


def log_correlation(p: Tensor, log_reward: Tensor) -> tuple[float, float]:
    """Pearson's and Spearman's correlation of log p_k with log R_k of probabilities p [K], in [-1, 1].

    Both do not change where p is multiplied by a number. NaN for fewer than three objects, where one of both is the
    same for all, or where some p_k is 0.

    Reference: Bengio et al., arXiv 2106.04399 (log-correlation on a held-out set).
    """
    x, y = p.double().log().cpu().numpy(), log_reward.double().cpu().numpy()
    return pearson(x, y, fewest=FEWEST), spearman(x, y, fewest=FEWEST)
