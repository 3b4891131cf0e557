"""Masked action distributions: exact log-probability, entropy and KL(new || old), and sampling by inverse CDF."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor

#: logit of an illegal action: exp(ILLEGAL) is exactly 0, and unlike -inf it leaves every gradient finite
ILLEGAL = -1e9


def single(x: Tensor) -> Tensor:
    """``x`` in float32 where it is of a half type (autocast, half weights), else as it is.

    bfloat16 has 8 bits: log-probabilities of -30 would be an eighth apart, and KL divergences their noise.
    """
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def choose(log_probs: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One column index per row, drawn by inverse CDF in double precision. [B, A] -> int64 [B].

    Never chooses a column of probability 0 (the first column whose cumulative sum *exceeds* u has positive mass).
    An order of magnitude cheaper than ``torch.multinomial`` on a CPU.
    """
    cdf = log_probs.detach().double().exp().cumsum(-1)
    u = torch.rand(len(cdf), 1, dtype=torch.float64, device=cdf.device, generator=generator)
    return torch.searchsorted(cdf, u * cdf[:, -1:], right=True).squeeze(-1)


class ActionDistribution(ABC):
    """B distributions over the legal actions of B states."""

    @abstractmethod
    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One legal action per state, int64 [B]."""

    @abstractmethod
    def log_prob(self, actions: Tensor) -> Tensor:
        """log P(actions) [B]; ``actions`` int64 [B] must be legal."""

    @abstractmethod
    def entropy(self) -> Tensor:
        """Exact entropy in nats [B]."""

    @abstractmethod
    def kl(self, old: Self) -> Tensor:
        """Exact KL(self || old) in nats [B]; both over the same states."""

    @abstractmethod
    def mean_gap(self, values: list[tuple[Tensor, Self]]) -> Tensor:
        """sum_a P(a) (log P(a) - min_c Q_c(a)) [B], Q_c(a) = V_c + log P_c(a) with (V_c [B], P_c) = ``values[c]``."""

    @abstractmethod
    def frozen(self) -> Self:
        """The same distributions as they are now, without gradient, whatever happens to the parameters."""

    @abstractmethod
    def log_probs(self) -> Tensor:
        """Dense log-probabilities [B, A], -inf where illegal. For small action spaces and exact answers."""

    @abstractmethod
    def tempered(self, temperature: float) -> Self:
        """Logits divided by ``temperature`` (> 0; above 1 flattens), renormalised over legal actions."""

    @abstractmethod
    def uniform(self) -> Self:
        """Uniform over what is legal (for a factorised choice: uniform at each stage)."""


class Categorical(ActionDistribution):
    """Dense masked categorical; of half-precision logits everything is computed in float32 (see ``single``).

    Args:
        logits: [B, A].
        mask: bool [B, A], legal actions. A row without any is uniform and must not be asked.
    """

    def __init__(self, logits: Tensor, mask: Tensor) -> None:
        self.mask = mask
        self.logits = single(logits).masked_fill(~mask, ILLEGAL)
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

    def kl(self, old: Categorical) -> Tensor:
        return (self.log_p.exp() * (self.log_p - old.log_p)).sum(-1)

    def mean_gap(self, values: list[tuple[Tensor, Categorical]]) -> Tensor:
        least = torch.stack([v[:, None] + q.log_p for v, q in values]).amin(0)
        return (self.log_p.exp() * (self.log_p - least)).sum(-1)

    def frozen(self) -> Categorical:
        out = Categorical(self.logits.detach(), self.mask)
        out._log_p = self.log_p.detach()
        return out

    def log_probs(self) -> Tensor:
        return self.log_p.masked_fill(~self.mask, -torch.inf)

    def tempered(self, temperature: float) -> Categorical:
        return Categorical(self.logits / temperature, self.mask)

    def uniform(self) -> Categorical:
        return Categorical(torch.zeros_like(self.logits), self.mask)


class Factorised(ActionDistribution):
    """P(a|s) = P(where|s) P(what|where, s); action 0 is stop, else ``1 + (where - 1) * K + what``.

    Sampling and log-probability evaluate the what-choice of the chosen branch only; entropy and KL are exact sums over
    all branches and evaluate each once. A log-probability that is asked for after them reads what they evaluated.

    Args:
        where: Categorical over W columns, column 0 = stop.
        what: ``what(rows [m], where [m]) -> Categorical`` with [m, K], the what-choice of ``m`` (state, where) pairs.
        options: K.
    """

    def __init__(self, where: Categorical, what: Callable[[Tensor, Tensor], Categorical], options: int) -> None:
        self.where = where
        self.what = what
        self.options = options
        self._branches: tuple[Tensor, Tensor, Categorical] | None = None

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        where = self.where.sample(generator)
        if where.device.type == "cpu":
            rows = where.nonzero().squeeze(1)
            what = self.what(rows, where[rows]).sample(generator)
            return torch.zeros_like(where).index_copy(0, rows, 1 + (where[rows] - 1) * self.options + what)
        # On a GPU stopped rows choose a what as well, which is thrown away: no shape depends on the draw.
        what = self.what(torch.arange(len(where), device=where.device), where.clamp(min=1)).sample(generator)
        return torch.where(where == 0, 0, 1 + (where - 1) * self.options + what)

    def log_prob(self, actions: Tensor) -> Tensor:
        stop = actions == 0
        where = torch.where(stop, 0, (actions - 1) // self.options + 1)
        what = torch.where(stop, 0, (actions - 1) % self.options)
        log_where = self.where.log_prob(where)
        rows = torch.arange(len(where), device=where.device)
        if where.device.type == "cpu":  # only where something is added
            rows = rows[~stop]
            return log_where.index_add(0, rows, self._log_what(rows, where[rows], what[rows]))
        log_what = self._log_what(rows, where.clamp(min=1), what)
        return log_where + torch.where(stop, torch.zeros_like(log_what), log_what)

    def _log_what(self, rows: Tensor, where: Tensor, what: Tensor) -> Tensor:
        """log P(what | where) of single branches, [m] each."""
        if self._branches is None:
            return self.what(rows, where).log_prob(what)
        branch_of = self._beside_stop().flatten().cumsum(0).sub(1).clamp(min=0)
        table = self._branches[2].log_p
        if not len(table):  # a stop is all that is legal anywhere
            return table.new_zeros(len(rows))
        place = branch_of[rows * self.where.mask.shape[1] + where] * self.options + what
        return table.flatten().gather(0, place)

    def _beside_stop(self) -> Tensor:
        """bool [B, W]: legal columns other than stop."""
        return torch.cat([torch.zeros_like(self.where.mask[:, :1]), self.where.mask[:, 1:]], 1)

    def _evaluate(self) -> tuple[Tensor, Tensor, Categorical]:
        rows, where = self._beside_stop().nonzero(as_tuple=True)
        return rows, where, self.what(rows, where)

    def branches(self) -> tuple[Tensor, Tensor, Categorical]:
        """All legal (row, where) pairs other than stop, [m] each, and their what-choices [m, K]."""
        if self._branches is None:
            self._branches = self._evaluate()
        return self._branches

    def entropy(self) -> Tensor:
        rows, where, what = self.branches()
        p = self.where.log_p[rows, where].exp()
        return self.where.entropy().index_add(0, rows, p * what.entropy())

    def kl(self, old: Factorised) -> Tensor:
        rows, where, what = self.branches()
        p = self.where.log_p[rows, where].exp()
        return self.where.kl(old.where).index_add(0, rows, p * what.kl(old.branches()[2]))

    def mean_gap(self, values: list[tuple[Tensor, Factorised]]) -> Tensor:
        rows, where, what = self.branches()
        stop = torch.stack([v + q.where.log_p[:, 0] for v, q in values]).amin(0)
        log_stop = self.where.log_p[:, 0]
        of_stop = log_stop.exp() * (log_stop - stop)
        mine = self.where.log_p[rows, where]
        theirs = [(v[rows] + q.where.log_p[rows, where])[:, None] + q.branches()[2].log_p for v, q in values]
        inner = (what.log_p.exp() * (mine[:, None] + what.log_p - torch.stack(theirs).amin(0))).sum(-1)
        return of_stop.index_add(0, rows, mine.exp() * inner)

    def frozen(self) -> Factorised:
        with torch.no_grad():  # not kept as ``branches()``, which have a gradient
            rows, where, what = self._branches or self._evaluate()

        def gone(rows: Tensor, where: Tensor) -> Categorical:
            raise RuntimeError("a frozen distribution knows all its branches and is not asked for single ones")

        out = Factorised(self.where.frozen(), gone, self.options)
        out._branches = rows, where, what.frozen()
        return out

    def log_probs(self) -> Tensor:
        rows, where, what = self.branches()
        batch, width = self.where.mask.shape
        table = self.where.log_p.new_full((batch, width - 1, self.options), -torch.inf)
        table = table.index_put((rows, where - 1), self.where.log_p[rows, where, None] + what.log_probs())
        return torch.cat([self.where.log_probs()[:, :1], table.flatten(1)], 1)

    def tempered(self, temperature: float) -> Factorised:
        what = self.what
        return Factorised(
            self.where.tempered(temperature), lambda rows, where: what(rows, where).tempered(temperature), self.options
        )

    def uniform(self) -> Factorised:
        what = self.what
        return Factorised(self.where.uniform(), lambda rows, where: what(rows, where).uniform(), self.options)
