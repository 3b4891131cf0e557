"""How the flows of several samplers through one edge are made one: the function G of a composition.

Letters: k samplers; z_i(s -> s') = u_i(s) p_i(s'|s), the probability that sampler i goes along an edge, with u_i(s) the
probability that it reaches s. The composition chooses its next step in proportion to G(z_1, ..., z_k), and every G here
is homogeneous: what all z_i at one state have in common (such as a symmetry of the state) changes nothing.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ConfigError

#: how far from 1 weights may sum to (decimals as people write them)
SLACK = 1e-6


@attributes_in_docstring
class Rule(ABC):
    """G of one kind, with its weights w.

    Args:
        weights: k numbers; None: ``default_weights``.
        size: k, at least 2.

    Raises:
        ConfigError: too few samplers, or weights of wrong number, sign or sum.
    """

    #: what people type
    name: ClassVar[str]
    #: G is a weighted sum: then the composition is exact
    linear: ClassVar[bool] = False
    #: a flow of sampler i counts with its Z_i (as a share of its reward), not as a probability
    of_rewards: ClassVar[bool] = False
    #: u_1 ... u_k matter; where they cancel nobody needs to know them
    needs_reach: ClassVar[bool] = True
    #: the weights are shares, which sum to 1
    shares: ClassVar[bool] = True
    #: a weight may be 0
    may_be_zero: ClassVar[bool] = True

    def __init__(self, weights: Sequence[float] | None, size: int) -> None:
        if size < 2:
            raise ConfigError(f"compose: {self.name} combines at least 2 runs, got {size}")
        given = [1 / size if self.shares else 1.0] * size if weights is None else [float(w) for w in weights]
        if problem := self._problem(given, size):
            raise ConfigError(f"compose: {self.name}: {problem}")
        total = sum(given) if self.shares else 1.0
        #: float64 [k]
        self.weights = torch.tensor(given, dtype=torch.float64) / total

    def _problem(self, weights: list[float], size: int) -> str | None:
        words = ", ".join(f"{w:g}" for w in weights)
        if len(weights) != size:
            return f"{len(weights)} weights ({words}) for {size} runs; give one for each"
        least = "at least 0" if self.may_be_zero else "above 0"
        if not all(math.isfinite(w) and (w >= 0 if self.may_be_zero else w > 0) for w in weights):
            return f"weights should be {least}, got {words}"
        if self.shares and abs(sum(weights) - 1) > SLACK:
            return f"weights should sum to 1, but {words} sum to {sum(weights):g}"
        return None

    @property
    def log_weights(self) -> Tensor:
        """log w, float64 [k]; -inf where a weight is 0."""
        return self.weights.log()

    @abstractmethod
    def log_value(self, log_z: Tensor) -> Tensor:
        """log G [...] of log z [k, ...]; -inf where G is 0. z_i of rules ``of_rewards`` have Z_i in them."""

    @property
    def in_words(self) -> str:
        """Such as "mean:0.3,0.7"."""
        return f"{self.name}:{','.join(f'{w:g}' for w in self.weights.tolist())}"


class Mean(Rule):
    """The weighted mean of the rewards: P_T(x) = sum_i w_i R_i(x) / sum_i w_i Z_i. Exact.

    G = sum_i w_i Z_i z_i, a sum of flows. R_i is the reward as sampler i was trained on it, its exponent beta in it.
    """

    name = "mean"
    linear = True
    of_rewards = True

    def log_value(self, log_z: Tensor) -> Tensor:
        return _log_sum(self.log_weights, log_z)


class Mixture(Rule):
    """The mixture of the distributions: P_T(x) = sum_i w_i P_i(x), with no Z_i. Exact.

    G = sum_i w_i z_i.
    """

    name = "mixture"
    linear = True

    def log_value(self, log_z: Tensor) -> Tensor:
        return _log_sum(self.log_weights, log_z)


class Product(Rule):
    """Meant: P_T(x) in proportion to prod_i P_i(x)^w_i. G = prod_i z_i^w_i, a choice by choice approximation of it.

    The weights are exponents above 0, 1 each where none are given. u_i(s) is the same for all choices at s, so that it
    cancels: a product of the policies, which needs no flows.
    """

    name = "product"
    needs_reach = False
    shares = False
    may_be_zero = False

    def log_value(self, log_z: Tensor) -> Tensor:
        return (_beside(self.weights, log_z) * log_z).sum(0)


class Harmonic(Rule):
    """Meant: objects that are likely under all, the harmonic mean 1 / sum_i w_i / P_i(x). Approximate.

    Reference: Garipov et al. 2023, arXiv 2309.16115 (the harmonic mean of distributions).
    """

    name = "harmonic"
    may_be_zero = False

    def log_value(self, log_z: Tensor) -> Tensor:
        return -torch.logsumexp(_beside(self.log_weights, log_z) - log_z, 0)


class Contrast(Rule):
    """Meant: objects of the first that are not of the others: P_1(x)^2 / sum_i w_i P_i(x), choice by choice.

    That is P_1(x) times the probability that x is of sampler 1, up to its prior. Approximate.

    Reference: Garipov et al. 2023, arXiv 2309.16115 (contrast of two distributions).
    """

    name = "contrast"

    def _problem(self, weights: list[float], size: int) -> str | None:
        problem = super()._problem(weights, size)
        if problem is None and not weights[0] > 0:
            problem = "the first weight should be above 0: what is divided by must not vanish where the first run goes"
        return problem

    def log_value(self, log_z: Tensor) -> Tensor:
        nowhere = log_z[0].isneginf()
        value = 2 * log_z[0] - _log_sum(self.log_weights, log_z)
        return torch.where(nowhere, log_z[0], value)


RULES: dict[str, type[Rule]] = {rule.name: rule for rule in (Mean, Mixture, Product, Harmonic, Contrast)}


def make_rule(name: str, weights: Sequence[float] | None, size: int) -> Rule:
    """The rule called ``name`` for ``size`` samplers.

    Raises:
        ConfigError: there is no such rule, or it does not take such weights.
    """
    if name not in RULES:
        raise ConfigError(f"compose: there is no `{name}`; there is {', '.join(RULES)}")
    return RULES[name](weights, size)


def parse_rule(text: str) -> tuple[str, list[float] | None]:
    """The name and the weights in such as "mean:.3,.7"; None where it has no weights.

    Raises:
        ConfigError: a weight is no number.
    """
    name, colon, rest = text.partition(":")
    if not colon:
        return name, None
    try:
        return name, [float(part) for part in rest.split(",")]
    except ValueError:
        raise ConfigError(
            f"compose: weights should be numbers, separated by commas (such as {name}:.3,.7), got {rest!r}"
        ) from None


def _beside(weights: Tensor, log_z: Tensor) -> Tensor:
    """[k] -> [k, 1, ...], on the device of ``log_z`` and of its type."""
    return weights.to(log_z).view(-1, *[1] * (log_z.dim() - 1))


def _log_sum(log_weights: Tensor, log_z: Tensor) -> Tensor:
    """log sum_i w_i z_i over the first axis."""
    return torch.logsumexp(_beside(log_weights, log_z) + log_z, 0)
