"""A masked choice out of a list; sampling by inverse CDF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from molgfn.policies.distributions.base import single
from molgfn.policies.distributions.capabilities import HasEntropy, HasKL, HasMeanGap, HasTable, HasTempering

#: logit of an illegal action: exp(ILLEGAL) is exactly 0, and unlike -inf it leaves every gradient finite
ILLEGAL = -1e9
_ILLEGAL = torch.tensor(ILLEGAL)  # a number would be made a tensor at each use


def choose(log_probs: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One column index per row, drawn by inverse CDF in double precision. [B, A] -> int64 [B].

    Never chooses a column of probability 0 (the first column whose cumulative sum *exceeds* u has positive mass).
    An order of magnitude cheaper than ``torch.multinomial`` on a CPU.
    """
    cdf = log_probs.detach().to(torch.float64, copy=True).exp_().cumsum_(-1)
    u = torch.rand(len(cdf), 1, dtype=torch.float64, device=cdf.device, generator=generator)
    return torch.searchsorted(cdf, u.mul_(cdf[:, -1:]), right=True).squeeze(-1)


class Categorical(HasEntropy, HasKL, HasMeanGap, HasTable, HasTempering):
    """Dense masked categorical; of half-precision logits everything is computed in float32 (see ``single``).

    Args:
        logits: [B, A].
        mask: bool [B, A], legal actions. A row without any is uniform and must not be asked.
    """

    def __init__(self, logits: Tensor, mask: Tensor) -> None:
        self.mask = mask
        self.logits = torch.where(mask, single(logits), _ILLEGAL)
        self._log_p: Tensor | None = None

    @property
    def log_p(self) -> Tensor:
        """[B, A], about -1e9 where illegal."""
        if self._log_p is None:
            self._log_p = torch.log_softmax(self.logits, -1)
        return self._log_p

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        return choose(self.log_p, generator)

    def log_prob(self, actions: Tensor) -> Tensor:
        return self.log_p.gather(1, actions[:, None]).squeeze(1)

    def entropy(self) -> Tensor:
        return -(self.log_p.exp() * self.log_p).sum(-1)

    def kl(self, old: Self) -> Tensor:
        return (self.log_p.exp() * (self.log_p - old.log_p)).sum(-1)

    def mean_gap(self, values: Sequence[tuple[Tensor, Self]]) -> Tensor:
        least = torch.stack([v[:, None] + q.log_p for v, q in values]).amin(0)
        return (self.log_p.exp() * (self.log_p - least)).sum(-1)

    def frozen(self) -> Self:
        out = type(self)(self.logits.detach(), self.mask)
        out._log_p = self.log_p.detach()
        return out

    def log_probs(self) -> Tensor:
        return self.log_p.masked_fill(~self.mask, -torch.inf)

    def tempered(self, temperature: float | Tensor) -> Self:
        by = temperature[:, None] if isinstance(temperature, Tensor) else temperature
        return type(self)(self.logits / by, self.mask)

    def uniform(self) -> Self:
        return type(self)(torch.zeros_like(self.logits), self.mask)
