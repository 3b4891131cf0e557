"""Divergences of P_F from what it was at the start of the iteration: exact ones, or sampled ones for densities."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from molgfn.policies.distributions import Capability, HasDivergence, HasKL, HasSampledKL, require
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head

#: bound on |log (P_F / anchor)|: exp of it is finite in single precision
LOG_RATIO = 20.0


class _FromAnchor(Quantity):
    """[B, T], a divergence between P_F now and the anchor."""

    reads: ClassVar[tuple[Head, ...]] = (Head("forward"),)
    needs: ClassVar[tuple[type[Capability], ...]] = (HasDivergence,)
    anchored: ClassVar[bool] = True

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        if evaluation.anchor is None:
            return evaluation.shared(_zero)
        now, anchor = evaluation.forward(), evaluation.anchor.forward
        if isinstance(now, HasSampledKL) and isinstance(anchor, HasSampledKL):
            return cls.sampled(now.log_ratio(anchor, evaluation.trajectories.actions).clamp(-LOG_RATIO, LOG_RATIO))
        return cls.between(require(now, HasKL, cls.name), require(anchor, HasKL, cls.name))

    @classmethod
    @abstractmethod
    def between(cls, now: HasKL, anchor: HasKL) -> Tensor:
        """Exact, [S]"""

    @classmethod
    @abstractmethod
    def sampled(cls, log_ratio: Tensor) -> Tensor:
        """[S], from log P_F - log anchor of the actions taken, which the anchor drew: unbiased, never below 0, and 0
        with zero gradient at the anchor.
        """


class KL(_FromAnchor):
    """[B, T], KL(P_F(.|s_t) || anchor), the anchor P_F at the start of the iteration. Exact; of a density estimated
    from the action taken, r log r - r + 1 with r = P_F / anchor.
    """

    name: ClassVar[str] = "kl"

    @classmethod
    def between(cls, now: HasKL, anchor: HasKL) -> Tensor:
        return now.kl(anchor)

    @classmethod
    def sampled(cls, log_ratio: Tensor) -> Tensor:
        return log_ratio.exp() * log_ratio - torch.expm1(log_ratio)


class KLOld(_FromAnchor):
    """[B, T], KL(anchor || P_F(.|s_t)), the anchor P_F at the start of the iteration. Exact; of a density estimated
    from the action taken, r - 1 - log r with r = P_F / anchor.
    """

    name: ClassVar[str] = "kl_old"

    @classmethod
    def between(cls, now: HasKL, anchor: HasKL) -> Tensor:
        return anchor.kl(now)

    @classmethod
    def sampled(cls, log_ratio: Tensor) -> Tensor:
        return torch.expm1(log_ratio) - log_ratio


def _zero(evaluation: Evaluation) -> Tensor:
    """At the anchor itself both are 0 with zero gradient, so nothing is computed."""
    actions = evaluation.trajectories.actions
    return torch.zeros(len(actions), dtype=evaluation.dtype, device=actions.device)
