"""How far log probabilities are from those of the target."""

from __future__ import annotations

from torch import Tensor


def log_l1(p: Tensor, q: Tensor) -> float:
    """1/K sum_k |log p_k - log q_k| of probabilities [K], in nats; infinite where one of them is 0.

    With q = R / Z it is the mean of |log P_T(x) - log R(x) + log Z|: every object counts alike, however improbable.

    Reference: Atanackovic and Bengio, arXiv 2402.05309; Krichel et al., arXiv 2407.03105.
    """
    return float((p.double().log() - q.double().log()).abs().mean())
