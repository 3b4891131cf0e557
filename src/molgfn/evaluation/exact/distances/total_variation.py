"""Total variation."""

from __future__ import annotations

from torch import Tensor


def total_variation(p: Tensor, q: Tensor) -> float:
    """1/2 sum_k |p_k - q_k| of probabilities [K], in [0, 1]: the largest difference of the probability of any event."""
    return float((p - q).abs().sum() / 2)
