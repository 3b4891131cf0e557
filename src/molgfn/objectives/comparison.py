"""What objectives make of a comparison of trajectories, which are those under the same condition alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from molgfn.trajectories.evaluated import Evaluated


def leave_one_out(values: Tensor, evaluated: Evaluated) -> Tensor:
    """``values`` [B, ...] of trajectories, each less the mean of the others under its condition; 0 where it is alone.

    An objective with this ``compares``. Without a condition the batch of all processes must hold two trajectories.
    """
    union, groups = evaluated.union, evaluated.groups
    above = values - union.mean(values, groups)
    if groups is None:
        n = union.count(len(values))
        return above * (n / (n - 1))
    sizes = union.sizes(groups, values).view(-1, *[1] * (values.dim() - 1))
    return above * (sizes / (sizes - 1).clamp(min=1))


def variance(values: Tensor, mean: Tensor, evaluated: Evaluated, ddof: int) -> Tensor:
    """Variance of ``values`` [B] of trajectories, scalar, with gradient.

    Under conditions that within each, averaged over trajectories; a trajectory that is alone adds nothing.

    Args:
        values: [B].
        mean: theirs, of ``union.mean`` within the groups.
        evaluated: says which are compared.
        ddof: 1 for the unbiased variance, 0 for that of the population.
    """
    union, groups = evaluated.union, evaluated.groups
    squares = (values - mean).square()
    if groups is None:
        return union.sum(squares) / (union.count(len(values)) - ddof)
    sizes = union.sizes(groups, values)
    return union.mean(squares * (sizes / (sizes - ddof).clamp(min=1)))


@dataclass(frozen=True)
class Weights:
    """Normalised weights w = softmax(exponent) over the n trajectories under one condition, without gradient.

    Attributes:
        weight: w, [B].
        sizes: n, [B]; one number without a condition.
        log_mean_exp: log of the mean of exp(exponent), scalar; under conditions the mean over trajectories.
        effective_share: 1 / (n sum w^2) in (0, 1], scalar; the same.
        evaluated: says which are compared.
    """

    weight: Tensor
    sizes: Tensor | int
    log_mean_exp: Tensor
    effective_share: Tensor
    evaluated: Evaluated

    @classmethod
    def of(cls, exponent: Tensor, evaluated: Evaluated) -> Weights:
        """``exponent`` [B] without gradient."""
        union, groups = evaluated.union, evaluated.groups
        weight = union.softmax(exponent, groups)
        if groups is None:
            n = union.count(len(exponent))
            share = 1 / (n * union.sum(weight.square()))
            return cls(weight, n, union.logsumexp(exponent) - math.log(n), share, evaluated)
        sizes = union.sizes(groups, exponent)
        log_mean_exp = union.mean(union.logsumexp(exponent, groups) - sizes.log())
        share = union.mean(1 / (sizes * union.sum(weight.square(), groups)))
        return cls(weight, sizes, log_mean_exp, share, evaluated)

    def surplus(self, values: Tensor) -> Tensor:
        """sum_b (w_b - 1/n) values_b, of [B], scalar, with their gradient; under conditions the mean over trajectories
        of that within each.
        """
        union = self.evaluated.union
        if self.evaluated.groups is None:
            return union.sum((self.weight - 1 / self.sizes) * values)
        return union.mean((self.weight * self.sizes - 1) * values)
