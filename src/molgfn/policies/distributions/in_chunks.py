"""A choice among very many things by the product of a query with their embeddings, exact without a table of all."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor

from molgfn.policies.distributions.base import ActionDistribution


class ChunkedCategorical(ActionDistribution):
    """P(n) ~ exp(q . e_n / sqrt(d)) over those of N things that are legal, chunk by chunk.

    The normaliser is a sum over all N, exact; no [m, N] table is kept, neither of logits nor for the backward pass,
    which computes each chunk again. Sampling is exact, too: a chunk by its share, then one of its members.

    Args:
        queries: float [m, d].
        embeddings: float [N, d].
        legal: bool [G, N], sets of legal things.
        rows: int64 [m], which set each query chooses from; none of them is empty.
        chunk: things in a chunk.
    """

    def __init__(self, queries: Tensor, embeddings: Tensor, legal: Tensor, rows: Tensor, chunk: int = 16_384) -> None:
        self.queries, self.embeddings, self.legal, self.rows, self.chunk = queries, embeddings, legal, rows, chunk
        self.scale = embeddings.shape[1] ** -0.5

    def log_prob(self, actions: Tensor) -> Tensor:
        taken = (self.queries * self.embeddings.index_select(0, actions)).sum(1) * self.scale
        return taken - _LogNormaliser.apply(self.queries, self.embeddings, self.legal, self.rows, self.chunk)  # type: ignore[operator]

    @torch.no_grad()
    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        queries, device = self.queries.detach(), self.queries.device
        starts = range(0, len(self.embeddings), self.chunk)
        sums = torch.stack([_logits(self, queries, self.rows, start).logsumexp(1).double() for start in starts], 1)
        chosen = _drawn(sums, generator)
        out = torch.empty(len(queries), dtype=torch.int64, device=device)
        u = torch.rand(len(queries), 1, dtype=torch.float64, device=device, generator=generator)
        for number, start in enumerate(starts):
            here = (chosen == number).nonzero().squeeze(1)
            logits = _logits(self, queries[here], self.rows[here], start).double()
            out[here] = start + _inverse(logits, u[here])
        return out

    def frozen(self) -> Self:
        return type(self)(self.queries.detach(), self.embeddings.detach(), self.legal, self.rows, self.chunk)

    def tempered(self, temperature: Tensor | float) -> Self:
        """Logits over ``temperature`` (a number, or [m])."""
        by = temperature[:, None] if isinstance(temperature, Tensor) else temperature
        return type(self)(self.queries / by, self.embeddings, self.legal, self.rows, self.chunk)

    def uniform(self) -> Self:
        """All that is legal alike."""
        return type(self)(torch.zeros_like(self.queries), self.embeddings, self.legal, self.rows, self.chunk)


def _logits(choice: ChunkedCategorical, queries: Tensor, rows: Tensor, start: int) -> Tensor:
    part = slice(start, start + choice.chunk)
    logits = queries @ choice.embeddings.detach()[part].T * choice.scale
    return logits.masked_fill(~choice.legal[:, part].index_select(0, rows), -torch.inf)


def _drawn(log_weights: Tensor, generator: torch.Generator | None) -> Tensor:
    u = torch.rand(len(log_weights), 1, dtype=torch.float64, device=log_weights.device, generator=generator)
    return _inverse(log_weights, u)


def _inverse(log_weights: Tensor, u: Tensor) -> Tensor:
    """A column for each row, by inverse CDF at u [m, 1]; never one of weight 0."""
    cdf = (log_weights - log_weights.amax(1, keepdim=True)).exp().cumsum(1)
    return torch.searchsorted(cdf, u * cdf[:, -1:], right=True).squeeze(1)


class _LogNormaliser(torch.autograd.Function):
    """log sum over legal n of exp(q . e_n / sqrt(d)), [m]; differentiable once."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, embeddings: Tensor, legal: Tensor, rows: Tensor, chunk: int) -> Tensor:
        scale = embeddings.shape[1] ** -0.5
        total = queries.new_full((len(queries),), -torch.inf)
        for start in range(0, len(embeddings), chunk):
            part = slice(start, start + chunk)
            logits = queries @ embeddings[part].T * scale
            logits = logits.masked_fill(~legal[:, part].index_select(0, rows), -torch.inf)
            total = torch.logaddexp(total, logits.logsumexp(1))
        ctx.save_for_backward(queries, embeddings, legal, rows, total)
        ctx.chunk = chunk
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:  # type: ignore[override]
        queries, embeddings, legal, rows, total = ctx.saved_tensors
        scale = embeddings.shape[1] ** -0.5
        of_queries, of_embeddings = torch.zeros_like(queries), torch.empty_like(embeddings)
        for start in range(0, len(embeddings), ctx.chunk):
            part = slice(start, start + ctx.chunk)
            logits = queries @ embeddings[part].T * scale
            logits = logits.masked_fill(~legal[:, part].index_select(0, rows), -torch.inf)
            share = (logits - total[:, None]).exp() * (gradient * scale)[:, None]
            of_queries += share @ embeddings[part]
            of_embeddings[part] = share.T @ queries
        return of_queries, of_embeddings, None, None, None
