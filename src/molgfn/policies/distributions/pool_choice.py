"""A choice among the members of a large pool that are not taken yet, or of the exit, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from molgfn.policies.distributions.capabilities import HasEntropy, HasKL, HasTempering
from molgfn.policies.distributions.categorical import ILLEGAL


@dataclass(frozen=True)
class Legal:
    """What B sets of members of a pool of n may do.

    Attributes:
        taken: int64 [B, k], members of the sets; n for none.
        can_add: bool [B], a further member may be added.
        can_stop: bool [B], the exit (action n) is legal.
    """

    taken: Tensor
    can_add: Tensor
    can_stop: Tensor


class PoolChoice(HasEntropy, HasKL, HasTempering):
    """P(i) ~ exp(q . k_i) of members i that are not taken, P(n) ~ exp(stop) of the exit; exact, without a table.

    No [B, n] table is kept: sums run over chunks, which the backward pass computes again. Sampling adds Gumbel noise to
    each chunk and keeps the largest, without a wait for the device.

    Args:
        queries: float [B, d].
        keys: float [n, d].
        stop: float [B], logit of the exit.
        legal: of the B sets.
        chunk: members in a chunk.
    """

    def __init__(self, queries: Tensor, keys: Tensor, stop: Tensor, legal: Legal, chunk: int) -> None:
        self.queries, self.keys, self.legal, self.chunk = queries, keys, legal, chunk
        self.stop = torch.where(legal.can_stop, stop, ILLEGAL)
        self._total: Tensor | None = None

    def _logits(self, queries: Tensor, keys: Tensor, start: int) -> Tensor:
        """[B, c] of a chunk of c members from ``start``, -1e9 where illegal."""
        logits = torch.where(self.legal.can_add[:, None], queries @ keys.T, ILLEGAL)
        place = self.legal.taken - start
        place = torch.where((place >= 0) & (place < len(keys)), place, len(keys))
        return torch.constant_pad_nd(logits, (0, 1)).scatter(1, place, ILLEGAL)[:, :-1]

    def _over_chunks(self, function: Callable[[Tensor, Tensor, int], Tensor]) -> list[Tensor]:
        """``function`` of queries, the keys of a chunk and its start; nothing within it is kept."""
        found = []
        for number, keys in enumerate(self.keys.split(self.chunk)):
            start = number * self.chunk
            found.append(
                checkpoint(function, self.queries, keys, start, use_reentrant=False, preserve_rng_state=False)
                if torch.is_grad_enabled()
                else function(self.queries, keys, start)
            )
        return found

    @property
    def total(self) -> Tensor:
        """Logarithm of the sum over all that is legal, [B]."""
        if self._total is None:
            parts = self._over_chunks(lambda q, k, start: self._logits(q, k, start).logsumexp(1))
            self._total = torch.stack([*parts, self.stop], 1).logsumexp(1)
        return self._total

    def log_prob(self, actions: Tensor) -> Tensor:
        exits = actions == len(self.keys)
        keys = self.keys.index_select(0, torch.where(exits, 0, actions))
        return torch.where(exits, self.stop, (self.queries * keys).sum(1)) - self.total

    @torch.no_grad()
    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        def noisy(logits: Tensor) -> Tensor:
            noise = torch.empty_like(logits, dtype=torch.float64).exponential_(generator=generator)
            return logits.double() - noise.clamp_(min=1e-300).log_()

        best, chosen = noisy(self.stop[:, None]).squeeze(1), torch.full_like(self.legal.taken[:, 0], len(self.keys))
        for start in range(0, len(self.keys), self.chunk):
            value, place = noisy(self._logits(self.queries, self.keys[start : start + self.chunk], start)).max(1)
            better = value > best
            best, chosen = torch.where(better, value, best), torch.where(better, place + start, chosen)
        return chosen

    def entropy(self) -> Tensor:
        return -self._mean(lambda log_p, start: log_p, self.stop - self.total)

    def kl(self, old: Self) -> Tensor:
        def gap(log_p: Tensor, start: int) -> Tensor:
            end = start + log_p.shape[1]
            return log_p - (old._logits(old.queries, old.keys[start:end], start) - old.total[:, None])

        return self._mean(gap, (self.stop - self.total) - (old.stop - old.total))

    def _mean(self, of: Callable[[Tensor, int], Tensor], at_exit: Tensor) -> Tensor:
        """The expectation [B] of ``of(log P of a chunk, its start)``, ``at_exit`` of the exit."""
        total = self.total

        def part(queries: Tensor, keys: Tensor, start: int) -> Tensor:
            log_p = self._logits(queries, keys, start) - total[:, None]
            return (log_p.exp() * of(log_p, start)).sum(1)

        exits = (self.stop - total).exp() * at_exit
        return torch.stack([*self._over_chunks(part), exits]).sum(0)

    def frozen(self) -> Self:
        return type(self)(self.queries.detach(), self.keys.detach(), self.stop.detach(), self.legal, self.chunk)

    def tempered(self, temperature: float | Tensor) -> Self:
        by = temperature[:, None] if isinstance(temperature, Tensor) else temperature
        return type(self)(self.queries / by, self.keys, self.stop / temperature, self.legal, self.chunk)

    def uniform(self) -> Self:
        nothing = torch.zeros_like(self.queries)
        return type(self)(nothing, self.keys, torch.zeros_like(self.stop), self.legal, self.chunk)
