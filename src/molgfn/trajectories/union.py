"""What joins the trajectories of a batch that several processes share: asked of the union of their shares."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from molgfn.networks.segments import segment_logsumexp
from molgfn.ranks import ALONE, Ranks


class Union:
    """Sums and means over the union of the ranks' shares, of which this process holds one.

    The gradients of all ranks are averaged, and every share has as many trajectories. So a mean over trajectories is
    right as it is: the mean of the shares' means is that of the union. Whatever else joins trajectories is asked here:
    a sum or a mean over steps, a baseline, a softmax over the batch, the number of trajectories. What ``sum`` and
    ``mean`` give is the same number on every rank, and carries a gradient of which the average over ranks is that of
    the one number. With one process each is the plain operation of torch, to the bit.

    Trajectories under different conditions have different targets, and are not compared: with ``groups``
    (``Evaluated.groups``, int64 [B]; equal numbers may stand on several ranks) sums, means and softmax are within each
    group, and come as [B, ...], for each trajectory that of its own. ``groups`` None is the whole batch.

    All ranks must ask the same questions in the same order: none may stand behind an ``if`` that their shares decide.

    Args:
        ranks: the processes of the run.
    """

    def __init__(self, ranks: Ranks = ALONE) -> None:
        self.ranks = ranks

    @property
    def alone(self) -> bool:
        """The batch of this process is the whole."""
        return self.ranks.size == 1

    def count(self, n: int) -> int:
        """Things in all, where every rank has ``n`` (such as ``len(evaluated)``)."""
        return n * self.ranks.size

    def sizes(self, groups: Tensor, like: Tensor) -> Tensor:
        """How many trajectories on all ranks share the group of each of this rank's, [B], in the type of ``like``."""
        number, size = self._numbered(groups)
        return torch.bincount(number, minlength=size)[self._own(number, len(groups))].to(like.dtype)

    def sum(self, values: Tensor, groups: Tensor | None = None) -> Tensor:
        """Sum over all entries on all ranks, scalar, with gradient; shares may differ in shape.

        With ``groups`` of values [B, ...]: sums over trajectories alone, [B, ...].
        """
        if groups is None:
            return values.sum() if self.alone else _Sum.apply(values.sum(), self.ranks)
        number, size = self._numbered(groups)
        own = self._own(number, len(groups))
        total = values.new_zeros(size, *values.shape[1:]).index_add(0, own, values)
        return (total if self.alone else _Sum.apply(total, self.ranks))[own]

    def mean(self, values: Tensor, groups: Tensor | None = None) -> Tensor:
        """Mean over all entries on all ranks, scalar, with gradient; shares may differ in shape.

        With ``groups`` of values [B, ...]: means over trajectories alone, [B, ...].
        """
        if groups is not None:
            sizes = self.sizes(groups, values)
            return self.sum(values, groups) / sizes.view(-1, *[1] * (values.dim() - 1))
        if self.alone:
            return values.mean()
        return self.sum(values) / self.ranks.sum(torch.tensor(float(values.numel()), device=values.device))

    def gather(self, values: Tensor) -> Tensor:
        """[B] of each rank, one after the other in their order, [ranks x B], without gradient; the same on all."""
        if self.alone:
            return values.detach()
        whole = values.new_zeros(self.ranks.size, *values.shape)
        whole[self.ranks.rank] = values.detach()
        return self.ranks.sum(whole).flatten(0, 1)

    def softmax(self, values: Tensor, groups: Tensor | None = None) -> Tensor:
        """Of this rank's [B] among those of all (in the same group), which sum to 1 over them; without gradient."""
        n = len(values)
        if groups is not None:
            return (values.detach() - self.logsumexp(values, groups)).exp()
        return self.gather(values).softmax(0)[self.ranks.rank * n : (self.ranks.rank + 1) * n]

    def logsumexp(self, values: Tensor, groups: Tensor | None = None) -> Tensor:
        """Over the [B] of all ranks, scalar, without gradient; with ``groups`` over each, [B]."""
        if groups is None:
            return self.gather(values).logsumexp(0)
        number, size = self._numbered(groups)
        return segment_logsumexp(self.gather(values), number, size)[self._own(number, len(groups))]

    def largest(self, values: Tensor) -> Tensor:
        """Of all entries on all ranks, scalar, without gradient."""
        return values.detach().max() if self.alone else self.gather(values.detach().max()[None]).max()

    def least(self, values: Tensor) -> Tensor:
        """Of all entries on all ranks, scalar, without gradient."""
        return values.detach().min() if self.alone else self.gather(values.detach().min()[None]).min()

    def _numbered(self, groups: Tensor) -> tuple[Tensor, int]:
        """The groups of all trajectories on all ranks, counted from 0, and how many there are; the same on all."""
        different, number = self.gather(groups).unique(return_inverse=True)
        return number, len(different)

    def _own(self, of_all: Tensor, n: int) -> Tensor:
        """Those of this rank, which has ``n``."""
        return of_all[self.ranks.rank * n : (self.ranks.rank + 1) * n]


class _Sum(torch.autograd.Function):
    """Each rank's numbers reach the sum of every rank, so their gradient is the sum of what all ranks have of it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.sum(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, None]:  # type: ignore[override]
        return _Sum.apply(gradients[0], ctx.ranks), None


#: of a process of its own
WHOLE = Union()
