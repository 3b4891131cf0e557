"""A choice among very many things by the product of a query with their embeddings, exact without a table of all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from molgfn.policies.distributions.capabilities import HasSubsampling


@dataclass(frozen=True)
class Sets:
    """G sets of things, by the things' numbers.

    Attributes:
        members: int64 [total], those of one set after those of the other, in rising order.
        ends: where each set ends.
    """

    members: Tensor
    ends: tuple[int, ...]

    @classmethod
    def of(cls, legal: Tensor) -> Self:
        """Of a table bool [G, N]."""
        return cls(legal.nonzero()[:, 1], tuple(legal.sum(1).cumsum(0).tolist()))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: int) -> Tensor:
        """int64 [size], the members of a set."""
        return self.members[self.ends[number - 1] if number else 0 : self.ends[number]]


class ChunkedCategorical(HasSubsampling):
    """P(n) ~ exp(q . e_n / sqrt(d)) over those of N things that are legal, chunk by chunk.

    The normaliser is a sum over all that is legal, exact, and over nothing else; queries that are the same are looked
    at once. No [m, N] table is kept, neither of logits nor for the backward pass, which computes each chunk again.
    Sampling is exact, too: a chunk by its share, then one of its members.

    Args:
        queries: float [m, d].
        embeddings: float [N, d].
        sets: of legal things.
        rows: int64 [m], which set each query chooses from; none of them is empty.
        chunk: things in a chunk.
    """

    def __init__(self, queries: Tensor, embeddings: Tensor, sets: Sets, rows: Tensor, chunk: int = 16_384) -> None:
        self.queries, self.embeddings, self.sets, self.rows, self.chunk = queries, embeddings, sets, rows, chunk

    def log_prob(self, actions: Tensor) -> Tensor:
        taken = (self.queries * self.embeddings.index_select(0, actions)).sum(1) * self.embeddings.shape[1] ** -0.5
        return taken - _LogNormaliser.apply(self.queries, self.embeddings, self.sets, self.rows, self.chunk)  # type: ignore[operator]

    @torch.no_grad()
    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        queries, embeddings = self.queries.detach(), self.embeddings.detach()
        first, second = torch.rand(2, len(queries), 1, dtype=torch.float64, device=queries.device, generator=generator)
        out = torch.empty(len(queries), dtype=torch.int64, device=queries.device)
        for group in _groups(queries, self.sets, self.rows):
            parts = list(group.members.split(self.chunk))
            sums = torch.stack([_logits(group.queries, embeddings, part).logsumexp(1).double() for part in parts], 1)
            chosen = _inverse(sums[group.of], first[group.rows])
            for number, part in enumerate(parts):
                here = (chosen == number).nonzero().squeeze(1)
                if len(here):
                    logits = _logits(group.queries, embeddings, part).double()[group.of[here]]
                    out[group.rows[here]] = part[_inverse(logits, second[group.rows[here]])]
        return out

    @torch.no_grad()
    def out_of(self, number: int, generator: torch.Generator | None = None) -> Tensor:
        queries, embeddings, device = self.queries.detach(), self.embeddings.detach(), self.queries.device
        u = torch.rand(len(queries), 1, dtype=torch.float64, device=device, generator=generator)
        out = torch.empty(len(queries), dtype=torch.int64, device=device)
        for group in _groups(queries, self.sets, self.rows):
            size = len(group.members)
            some = group.members
            if size > number:
                some = some[torch.randint(size, (number,), device=device, generator=generator)]
            logits = _logits(group.queries, embeddings, some).double()
            out[group.rows] = some[_inverse(logits[group.of], u[group.rows])]
        return out

    def frozen(self) -> Self:
        return type(self)(self.queries.detach(), self.embeddings.detach(), self.sets, self.rows, self.chunk)

    def tempered(self, temperature: Tensor | float) -> Self:
        """Logits over ``temperature`` (a number, or [m])."""
        by = temperature[:, None] if isinstance(temperature, Tensor) else temperature
        return type(self)(self.queries / by, self.embeddings, self.sets, self.rows, self.chunk)

    def uniform(self) -> Self:
        """All that is legal alike."""
        return type(self)(torch.zeros_like(self.queries), self.embeddings, self.sets, self.rows, self.chunk)


@dataclass(frozen=True)
class _Group:
    """Those of the queries that choose from the same set.

    Attributes:
        members: of the set.
        rows: int64 [r], which queries.
        queries: float [u, d], the different ones of them.
        of: int64 [r], which of these each is.
    """

    members: Tensor
    rows: Tensor
    queries: Tensor
    of: Tensor


def _groups(queries: Tensor, sets: Sets, rows: Tensor) -> Iterator[_Group]:
    for number in rows.unique().tolist():
        here = (rows == number).nonzero().squeeze(1)
        different, of = queries[here].unique(dim=0, return_inverse=True)
        yield _Group(sets[number], here, different, of)


def _logits(queries: Tensor, embeddings: Tensor, members: Tensor) -> Tensor:
    return queries @ embeddings.index_select(0, members).T * embeddings.shape[1] ** -0.5


def _inverse(log_weights: Tensor, u: Tensor) -> Tensor:
    """A column for each row, by inverse CDF at u [m, 1]; never one of weight 0."""
    cdf = (log_weights - log_weights.amax(1, keepdim=True)).exp().cumsum(1)
    return torch.searchsorted(cdf, u * cdf[:, -1:], right=True).squeeze(1)


class _LogNormaliser(torch.autograd.Function):
    """log sum over legal n of exp(q . e_n / sqrt(d)), [m]; differentiable once."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, embeddings: Tensor, sets: Sets, rows: Tensor, chunk: int) -> Tensor:
        total = queries.new_empty(len(queries))
        for group in _groups(queries, sets, rows):
            here = group.queries.new_full((len(group.queries),), -torch.inf)
            for members in group.members.split(chunk):
                here = torch.logaddexp(here, _logits(group.queries, embeddings, members).logsumexp(1))
            total[group.rows] = here[group.of]
        ctx.save_for_backward(queries, embeddings, rows, total)
        ctx.sets, ctx.chunk = sets, chunk
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:  # type: ignore[override]
        queries, embeddings, rows, total = ctx.saved_tensors
        scale = embeddings.shape[1] ** -0.5
        of_queries, of_embeddings = torch.empty_like(queries), torch.zeros_like(embeddings)
        for group in _groups(queries, ctx.sets, rows):
            upstream = gradient[group.rows] * scale
            known = total.new_empty(len(group.queries)).index_copy(0, group.of, total[group.rows])
            weight = torch.zeros_like(known).index_add(0, group.of, upstream)
            mean = torch.zeros_like(group.queries)
            for members in group.members.split(ctx.chunk):
                share = (_logits(group.queries, embeddings, members) - known[:, None]).exp()
                mean += share @ embeddings.index_select(0, members)
                of_embeddings.index_add_(0, members, share.T @ (group.queries * weight[:, None]))
            of_queries[group.rows] = mean[group.of] * upstream[:, None]
        return of_queries, of_embeddings, None, None, None
