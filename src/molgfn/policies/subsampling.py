"""Draw actions out of a random part of very many; for off-policy objectives only."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.policies.distributions import ActionDistribution
from molgfn.policies.distributions.capabilities import HasSubsampling, require
from molgfn.policies.exploration import Exploration


class Subsampling(Exploration):
    """P_F over ``out_of`` random things of each set in place of all, drawn anew at each step.

    Every action is drawn with a probability above 0, but not with that of P_F: this is a behaviour policy, and what is
    trained on is the exact log P_F of what was drawn.

    Args:
        out_of: things of each set, at least 1; smaller sets are looked at whole.

    Reference: Seo et al. 2025, arXiv 2410.04542 (RxnFlow), for acting out of a subsample. There log P_F is estimated
    from the same subsample, whose logarithm is biased; here it is a sum over all.
    """

    def __init__(self, *, out_of: int) -> None:
        super().__init__()
        self.out_of = out_of

    @property
    def active(self) -> bool:
        return True

    def at(self, iteration: int) -> Subsampling:
        return self

    def sample(self, distribution: ActionDistribution, generator: torch.Generator | None = None) -> Tensor:
        return require(distribution, HasSubsampling, "subsampling").out_of(self.out_of, generator)
