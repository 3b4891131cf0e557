"""The L1 distance, as averaged over objects."""

from __future__ import annotations

from torch import Tensor


def mean_l1(p: Tensor, q: Tensor) -> float:
    """1/K sum_k |p_k - q_k| of probabilities [K]: twice the total variation over the number of objects.

    Reference: Tiapkin et al., arXiv 2310.12934, and its predecessors since arXiv 2106.04399, report this one.
    """
    return float((p - q).abs().mean())
