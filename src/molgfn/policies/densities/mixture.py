"""Mixture densities of d coordinates, of which some are active."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from molgfn.policies.densities.families import Family
from molgfn.policies.distributions import choose


@dataclass(frozen=True)
class Mixture:
    """B densities of d coordinates, mixtures of K products (one weight for all coordinates), or products of d mixtures.

    A coordinate that is not active is integrated out, which a mixture of products allows.

    Attributes:
        family: of each coordinate.
        log_weights: float64 [B, 1, K] for mixtures of products, [B, d, K] for products of mixtures; normalised.
        first: float64 [B, d, K], the family's first parameter.
        second: float64 [B, d, K], its second.
    """

    family: Family
    log_weights: Tensor
    first: Tensor
    second: Tensor

    def log_prob(self, place: Tensor, active: Tensor) -> Tensor:
        """Log density of the active coordinates of places [B, d], [B]; ``active`` is bool [B, d]."""
        place = torch.where(active, place, self.family.somewhere)
        part = self.family.log_prob(place[..., None].expand_as(self.first), self.first, self.second)
        part = torch.where(active[..., None], part, 0.0)
        if self.log_weights.shape[1] == 1:
            return torch.logsumexp(self.log_weights[:, 0] + part.sum(1), -1)
        return torch.where(active, torch.logsumexp(self.log_weights + part, -1), 0.0).sum(1)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Places of all coordinates, float64 [B, d]."""
        b, d, _ = self.first.shape
        drawn = choose(self.log_weights.flatten(0, 1), generator).view(b, -1, 1).expand(b, d, 1)
        first, second = (p.detach().gather(2, drawn).squeeze(2) for p in (self.first, self.second))
        return self.family.sample(first, second, generator)

    def frozen(self) -> Self:
        return type(self)(self.family, self.log_weights.detach(), self.first.detach(), self.second.detach())

    def tempered(self, temperature: float | Tensor) -> Self:
        """Each component flattened, the weights too."""
        by = temperature[:, None, None] if isinstance(temperature, Tensor) else temperature
        weights = torch.log_softmax(self.log_weights / by, -1)
        return type(self)(self.family, weights, *self.family.flattened(self.first, self.second, by))

    def reference(self) -> Reference:
        return Reference(self.family, self.first[..., 0].detach())


@dataclass(frozen=True)
class Reference:
    """Densities without parameters; ``like`` [B, d] says how many."""

    family: Family
    like: Tensor

    def log_prob(self, place: Tensor, active: Tensor) -> Tensor:
        """As of ``Mixture``."""
        place = torch.where(active, place, self.family.somewhere)
        return torch.where(active, self.family.reference_log_prob(place), 0.0).sum(1)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """As of ``Mixture``."""
        return self.family.reference_sample(self.like, generator)

    def frozen(self) -> Self:
        return self

    def tempered(self, temperature: float | Tensor) -> Self:
        return self

    def reference(self) -> Self:
        return self
