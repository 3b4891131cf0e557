"""The Jensen-Shannon divergence."""

from __future__ import annotations

from torch import Tensor

from molgfn.evaluation.exact.distances.kullback_leibler import kullback_leibler


def jensen_shannon(p: Tensor, q: Tensor) -> float:
    """Mean of KL(p || m) and KL(q || m), m = (p + q) / 2, of probabilities [K], in nats, in [0, log 2].

    Reference: Lin, IEEE Trans. Inf. Theory 37 (1991) 145; as used by arXiv 2408.05885.
    """
    middle = (p + q) / 2
    return (kullback_leibler(p, middle) + kullback_leibler(q, middle)) / 2
