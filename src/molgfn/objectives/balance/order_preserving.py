"""A learned reward that keeps the order of objects, of one objective or of several (Pareto)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.order import LogSymmetry, OrderedBy


class OrderPreserving(Objective):
    """The sampler's own reward is the larger, the better an object is; how much larger, the order does not say.

    With ``u(tau) = log P_F(tau) - log P_B(tau | x) + log C(x)``, [B], the logarithm of the reward that P_F stands for
    (up to log Z), the loss is the cross-entropy ``-sum_b t_b log softmax(u)_b`` over the batch; t is 1 / n for the n
    objects that no other of the batch dominates, and 0 for the others. One object dominates another where it is worth
    more in one objective and less in none: that of ``scalarisation=pareto``, or log R alone (``OrderedBy``). An object
    without a value is dominated by all. Under conditions, objects are compared within each, and the cross-entropy is
    averaged over trajectories. Valid for trajectories from any policy with full support, in batches of at least 2.

    There is no target distribution: on its way P_T goes to objects that nothing which was found dominates. Replay
    brings what was found before into the comparison.

    Metrics: ``front``, the share of the batch that nothing in it dominates.

    Reference: Chen and Mauch 2024, arXiv 2310.00386, section 3 (with the trajectory balance flow).
    Pinned by tests/objectives/test_order_preserving.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB, OrderedBy, LogSymmetry)
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "backward"})
    reference: ClassVar[str] = "Chen and Mauch 2024, arXiv 2310.00386, section 3"
    has_target: ClassVar[bool] = False
    least_batch: int = 2
    compares: bool = True

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        union, groups, n = evaluated.union, evaluated.groups, len(evaluated)
        implied = (evaluated.log_pf - evaluated[LogPB]).sum(1) + evaluated[LogSymmetry]
        whole = front(union.gather(evaluated[OrderedBy]), None if groups is None else union.gather(groups))
        best = whole.to(implied.dtype)
        own = best[union.ranks.rank * n : (union.ranks.rank + 1) * n]
        count = union.sum(own, groups)  # of those that are compared with each
        target = own / count.clamp(min=1)
        size = n * union.ranks.size
        weight = (count > 0) * (1.0 if groups is None else union.sizes(groups, implied) / size)
        log_p = implied.detach() - union.logsumexp(implied, groups)
        value = -union.sum(weight * target * log_p)
        # the gradient of the log-sum-exp over all ranks, which has none itself
        slope = union.sum(weight * (log_p.exp() - target) * implied)
        loss = value.detach() + slope - slope.detach()
        return ObjectiveOutput(losses={"order_preserving": Loss(loss, self.trains)}, metrics={"front": best.mean()})


def front(worth: Tensor, groups: Tensor | None = None) -> Tensor:
    """Which of B objects none of the others dominates, bool [B].

    Args:
        worth: [B, k], more is better; a row with NaN is dominated by all.
        groups: int64 [B]; only objects of equal numbers are compared. None compares all.
    """
    known = ~worth.isnan().any(1)
    no_less = (worth[:, None] >= worth[None]).all(2)  # [i, j]: i is worth no less than j anywhere
    more = (worth[:, None] > worth[None]).any(2)
    dominates = no_less & more & known[:, None]
    if groups is not None:
        dominates &= groups[:, None] == groups[None]
    return known & ~dominates.any(0)
