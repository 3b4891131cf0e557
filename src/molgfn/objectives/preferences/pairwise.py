"""The loss of a comparison: how far the odds that a policy gives a pair are from those that were stated."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from molgfn.objectives.base import Loss, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.pairs import PairDropped, PairLabel, PairNumber


def compared(
    values: Tensor,
    evaluated: Evaluated,
    groups: frozenset[str],
    *,
    name: str,
    valid: Tensor | None = None,
    dropped: Sequence[str] = (),
) -> ObjectiveOutput:
    """The mean over pairs of KL(Bernoulli(label) || Bernoulli(sigmoid(v_chosen - v_rejected))).

    With a label of 1 that is -log sigmoid(v_chosen - v_rejected), the loss of Bradley and Terry. It is 0 where the
    difference is the log-odds of the label.

    Args:
        values: v of each trajectory, [B], with gradient.
        evaluated: with ``PairNumber`` and ``PairLabel``; trajectories of no pair count for nothing, nor do those whose
            other one is not in the batch (or under another condition).
        groups: the parameter groups that it trains.
        name: of the loss.
        valid: bool [B], whether a value can be compared; None: all.
        dropped: reasons of ``trajectories.pairs.DROPPED`` for which pairs may have been dropped; with ``PairDropped``.

    Returns:
        The loss, and metrics: ``pairs``, how many were compared; ``agreeing``, the share of those that are no tie in
        which the chosen one has the larger value; ``margin``, the mean difference; ``dropped/REASON``, how many were
        drawn and could not be used, and ``dropped/incomplete``, of how many one trajectory alone can be compared here.
    """
    number, union = evaluated[PairNumber], evaluated.union
    pair, size = _numbered(number, evaluated.groups)
    sign = number.sign()

    def of_pairs(x: Tensor) -> Tensor:
        return x.new_zeros(size).index_add(0, pair, x)

    usable = torch.ones_like(sign) if valid is None else valid.to(sign.dtype)
    chosen, rejected = of_pairs((sign > 0) * usable), of_pairs((sign < 0) * usable)
    weight = ((chosen == 1) & (rejected == 1) & (of_pairs(sign.abs()) == 2)).to(values.dtype)
    margin = of_pairs(sign * torch.where(sign == 0, 0.0, values))
    label = of_pairs(torch.where(sign > 0, evaluated[PairLabel], 0.0)).clamp(0, 1)
    losses = label.xlogy(label) + (1 - label).xlogy(1 - label)
    losses = losses - label * logsigmoid(margin) - (1 - label) * logsigmoid(-margin)
    count = union.sum(weight)
    apart = weight * (label != 0.5)
    right = (margin.detach() > 0) == (label > 0.5)
    metrics = {
        "pairs": count.detach(),
        "agreeing": (union.sum(apart * right) / union.sum(apart).clamp(min=1)).detach(),
        "margin": (union.sum(weight * margin) / count.clamp(min=1)).detach(),
        "dropped/incomplete": union.sum(((of_pairs(sign.abs()) > 0) & (weight == 0)).to(values.dtype)).detach(),
    }
    for why in dropped:
        found = evaluated[PairDropped] == PairDropped.code(why)
        metrics[f"dropped/{why}"] = union.sum(found.to(values.dtype)).detach() / 2
    return ObjectiveOutput({name: Loss(union.sum(weight * losses) / count.clamp(min=1), groups)}, metrics)


def _numbered(number: Tensor, groups: Tensor | None) -> tuple[Tensor, int]:
    """Which pair each trajectory is of, int64 [B] from 0, and how many there are; none reaches over two conditions."""
    keys = number.abs()[:, None] if groups is None else torch.stack([number.abs(), groups], 1)
    different, pair = keys.unique(dim=0, return_inverse=True)
    return pair, len(different)
