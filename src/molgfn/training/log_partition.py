"""log Z from a batch: where it starts, and how it keeps up while it is far off."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor

#: share of the gap, beyond what the noise of a batch explains, that one iteration closes
SHARE = 0.25


def estimate(log_weights: Tensor, how: Literal["importance", "mean"]) -> Tensor:
    """log Z from log weights -S(tau) [B]: their mean (the ELBO), or log mean exp (importance sampling)."""
    return log_weights.mean() if how == "mean" else log_weights.logsumexp(0) - math.log(len(log_weights))


def catch_up(log_z: Tensor, log_weights: Tensor) -> None:
    """Move ``log_z`` (in place) towards the mean m of ``log_weights`` [B] while it is far from it.

        log Z <- log Z + sign(m - log Z) max(|m - log Z| - 2 sd / sqrt(B), 0) / 4

    m - log Z is (half the negative) gradient of the trajectory-balance loss of the batch, so that nothing is pulled
    elsewhere than where the loss itself pulls. Adam takes steps of about its learning rate however far it has to go;
    this one grows with the distance, and is none within two standard errors of m. There Adam is alone, and where all
    -S(tau) are log Z, as they are where P_F samples R/Z exactly, nothing moves.

    On-policy, log Z is the baseline of P_F's gradient (E[grad log P_F] = 0), and m is the one of about the least
    variance (arXiv 2010.10436, section 3); from far below, each trajectory is pushed up whatever its reward, and P_F
    runs into what it drew first.
    """
    gap = log_weights.mean() - log_z
    noise = 2 * log_weights.std(correction=0) / math.sqrt(len(log_weights))
    log_z.add_(gap.sign() * (gap.abs() - noise).clamp_min(0.0), alpha=SHARE)
