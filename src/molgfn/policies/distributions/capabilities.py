"""What some distributions can be asked for and others cannot, one small class each.

A choice among a million building blocks, or a density on a torus, has a log-probability but no exact divergence. Who
reads a capability says so before a run (``lacking``) and asks for it by ``require`` in it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self, TypeVar, cast

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ContractError
from molgfn.policies.distributions.base import ActionDistribution


@attributes_in_docstring
class Capability(ActionDistribution):
    """A distribution that has something which not every one has."""

    #: what it gives, as messages name it
    gives: ClassVar[str]


class HasEntropy(Capability):
    """Exact entropy."""

    gives = "an exact entropy"

    @abstractmethod
    def entropy(self) -> Tensor:
        """Exact entropy in nats [B]."""


class HasDivergence(Capability):
    """A divergence from the policy that drew the actions, exact (``HasKL``) or estimated (``HasSampledKL``)."""

    gives = "an exact KL divergence or an estimate of it"


class HasKL(HasDivergence):
    """Exact divergence from another distribution of the same class."""

    gives = "an exact KL divergence"

    @abstractmethod
    def kl(self, old: Self) -> Tensor:
        """Exact KL(self || old) in nats [B]; both over the same states."""


class HasSampledKL(HasDivergence):
    """No exact divergence, as of densities; an estimate from the actions that were taken takes its place."""

    gives = "a sampled KL divergence"

    def log_ratio(self, old: Self, actions: Tensor) -> Tensor:
        """log P(actions) - log P_old(actions) [B], of which unbiased estimates are made where P_old drew them."""
        return self.log_prob(actions) - old.log_prob(actions)


class HasMeanGap(Capability):
    """Exact expectation over the least of several action values."""

    gives = "exact expectations of action values"

    @abstractmethod
    def mean_gap(self, values: Sequence[tuple[Tensor, Self]]) -> Tensor:
        """sum_a P(a) (log P(a) - min_c Q_c(a)) [B], Q_c(a) = V_c + log P_c(a) with (V_c [B], P_c) = ``values[c]``."""


class HasTable(Capability):
    """Log-probabilities of all actions."""

    gives = "a table of all log-probabilities"

    @abstractmethod
    def log_probs(self) -> Tensor:
        """Dense log-probabilities, -inf where illegal: [B, A], or [B, *parts] for actions of several parts.

        For small action spaces and exact answers. ``table[rows, *actions.T]`` are those of actions [m, parts].
        """


class HasTempering(Capability):
    """Flatter and sharper versions, and the uniform one."""

    gives = "tempered and uniform choices"

    @abstractmethod
    def tempered(self, temperature: float | Tensor) -> Self:
        """Logits divided by ``temperature`` (> 0, a number or [B]; above 1 flattens), over what is legal."""

    @abstractmethod
    def uniform(self) -> Self:
        """Uniform over what is legal (for a choice of several stages: uniform at each stage)."""


class HasSubsampling(Capability):
    """Draws that look at a part of what there is to choose from."""

    gives = "draws out of a random part"

    @abstractmethod
    def out_of(self, number: int, generator: torch.Generator | None = None) -> Tensor:
        """Actions [B] or [B, parts], as ``sample``, of which each part that is chosen among very many is drawn out of
        ``number`` of them, even draws with replacement; what is there less often than that is looked at whole.
        """


C = TypeVar("C", bound=Capability)


def require(distribution: object, capability: type[C], reader: str) -> C:
    """``distribution`` as something that has ``capability``.

    Raises:
        ContractError: it has not; ``reader`` says who asked.
    """
    if not isinstance(distribution, capability):
        raise ContractError(f"{reader}: {without(type(distribution), capability)}")
    return cast(Any, distribution)


def lacking(distribution: type, needs: Iterable[type[Capability]]) -> list[str]:
    """Why a class of distributions does not give what is needed, one sentence part for each that it lacks."""
    return [without(distribution, need) for need in dict.fromkeys(needs) if not issubclass(distribution, need)]


def without(distribution: type, capability: type[Capability]) -> str:
    """That a distribution lacks a capability, in words."""
    return f"a {distribution.__name__} choice of actions has not got {capability.gives}"
