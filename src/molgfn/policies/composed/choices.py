"""Choices of actions that are made of those of several policies at the same states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from molgfn.policies.distributions import ActionDistribution, HasEntropy, HasTable, HasTempering, choose


class Mixed(ActionDistribution):
    """sum_i P(i|s) P_i(a|s): one of k choices, then an action from it; whatever these are.

    Args:
        parts: k choices over the same legal actions.
        log_weights: [B, k], log P(i|s).
    """

    def __init__(self, parts: Sequence[ActionDistribution], log_weights: Tensor) -> None:
        self.parts, self.log_weights = list(parts), log_weights

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        which = choose(self.log_weights, generator)
        drawn = torch.stack([part.sample(generator) for part in self.parts])
        return drawn[which, torch.arange(len(which), device=which.device)]

    def log_prob(self, actions: Tensor) -> Tensor:
        each = torch.stack([part.log_prob(actions) for part in self.parts], 1)
        return torch.logsumexp(self.log_weights.to(each) + each, 1)

    def frozen(self) -> Self:
        return type(self)([part.frozen() for part in self.parts], self.log_weights.detach())


class MixedTables(Mixed, HasTable, HasTempering):
    """The same of choices that have tables."""

    def log_probs(self) -> Tensor:
        tables = torch.stack([part.log_probs() for part in self.parts], 1)  # type: ignore[attr-defined]
        weights = self.log_weights.to(tables)
        return torch.logsumexp(weights.view(*weights.shape, *[1] * (tables.dim() - 2)) + tables, 1)

    def tempered(self, temperature: float | Tensor) -> Tabled:  # type: ignore[override]
        return Tabled(self.log_probs()).tempered(temperature)

    def uniform(self) -> Tabled:  # type: ignore[override]
        return Tabled(self.log_probs()).uniform()


class Tabled(HasTable, HasTempering, HasEntropy):
    """A choice in proportion to a table of weights over whole actions.

    Args:
        log_weights: [B, A], or [B, *parts] for actions of several parts; -inf where illegal, finite somewhere.
    """

    def __init__(self, log_weights: Tensor) -> None:
        self.sizes = log_weights.shape[1:]
        self.log_p = torch.log_softmax(log_weights.flatten(1), 1)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        column = choose(self.log_p, generator)
        return column if len(self.sizes) == 1 else torch.stack(torch.unravel_index(column, self.sizes), 1)

    def log_prob(self, actions: Tensor) -> Tensor:
        column = actions
        if len(self.sizes) > 1:
            column = torch.zeros_like(actions[:, 0])
            for size, part in zip(self.sizes, actions.unbind(1), strict=True):
                column = column * size + part
        return self.log_p.gather(1, column[:, None]).squeeze(1)

    def entropy(self) -> Tensor:
        return -torch.where(self.log_p.isneginf(), 0.0, self.log_p.exp() * self.log_p).sum(1)

    def frozen(self) -> Self:
        out = type(self)(self.log_p.detach().unflatten(1, self.sizes))
        out.log_p = self.log_p.detach()  # not normalised once more
        return out

    def log_probs(self) -> Tensor:
        return self.log_p.unflatten(1, self.sizes)

    def tempered(self, temperature: float | Tensor) -> Self:
        by = temperature[:, None] if isinstance(temperature, Tensor) else temperature
        return type(self)((self.log_p / by).unflatten(1, self.sizes))

    def uniform(self) -> Self:
        even = torch.where(self.log_p.isneginf(), self.log_p, 0.0)
        return type(self)(even.unflatten(1, self.sizes))


def mixed(parts: Sequence[ActionDistribution], log_weights: Tensor) -> Mixed:
    """The mixture, with what its parts have."""
    cls = MixedTables if all(isinstance(part, HasTable) for part in parts) else Mixed
    return cls(parts, log_weights)
