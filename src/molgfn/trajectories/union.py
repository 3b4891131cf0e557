"""What joins the trajectories of a batch that several processes share: asked of the union of their shares."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from molgfn.ranks import ALONE, Ranks


class Union:
    """Sums and means over the union of the ranks' shares, of which this process holds one.

    The gradients of all ranks are averaged, and every share has as many trajectories. So a mean over trajectories is
    right as it is: the mean of the shares' means is that of the union. Whatever else joins trajectories is asked here:
    a sum or a mean over steps, a baseline, a softmax over the batch, the number of trajectories. What ``sum`` and
    ``mean`` give is the same number on every rank, and carries a gradient of which the average over ranks is that of
    the one number. With one process each is the plain operation of torch, to the bit.

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

    def sum(self, values: Tensor) -> Tensor:
        """Sum over all entries on all ranks, scalar, with gradient; shares may differ in shape."""
        return values.sum() if self.alone else _Sum.apply(values.sum(), self.ranks)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over all entries on all ranks, scalar, with gradient; shares may differ in shape."""
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

    def softmax(self, values: Tensor) -> Tensor:
        """Of this rank's [B] among those of all, which sum to 1 over the union; without gradient."""
        n = len(values)
        return self.gather(values).softmax(0)[self.ranks.rank * n : (self.ranks.rank + 1) * n]

    def logsumexp(self, values: Tensor) -> Tensor:
        """Over the [B] of all ranks, scalar, without gradient."""
        return self.gather(values).logsumexp(0)

    def largest(self, values: Tensor) -> Tensor:
        """Of all entries on all ranks, scalar, without gradient."""
        return values.detach().max() if self.alone else self.gather(values.detach().max()[None]).max()

    def least(self, values: Tensor) -> Tensor:
        """Of all entries on all ranks, scalar, without gradient."""
        return values.detach().min() if self.alone else self.gather(values.detach().min()[None]).min()


class _Sum(torch.autograd.Function):
    """Each rank's number reaches the sum of every rank, so its gradient is the sum of what all ranks have of it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.sum(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, None]:  # type: ignore[override]
        return _Sum.apply(gradients[0], ctx.ranks), None


#: of a process of its own
WHOLE = Union()
