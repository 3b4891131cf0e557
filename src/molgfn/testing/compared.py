"""Whether an objective compares trajectories, and whether under conditions it compares those of one condition alone."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from molgfn.errors import ContractError
from molgfn.objectives.base import Objective
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.base import Quantity


def check_compared(objective: Objective, evaluated: Evaluated) -> None:
    """Check ``Objective.compares`` and that ``Evaluated.groups`` is kept to.

    What the loss makes of trajectories, its gradient by all that it reads of them, must not move where the numbers of
    trajectories under other conditions do; nor where any others do, unless the objective says that it
    compares.

    Args:
        objective: what to check.
        evaluated: at least 8 trajectories, without conditions.

    Raises:
        ContractError: names the objective, and which trajectories it joins.
    """
    name, n = type(objective).__name__, len(evaluated)
    first = torch.arange(n) < n // 2
    groups = first.long() + 2 * (torch.arange(n) == n - 1)  # three conditions, of which one has a single trajectory
    if _moves(objective, replace(evaluated, groups=groups), first):
        raise ContractError(
            f"{name}: what it makes of trajectories depends on those under other conditions; give "
            "`evaluated.groups` to what `evaluated.union` is asked for"
        )
    compares = _moves(objective, evaluated, torch.arange(n) == 0)
    if compares and not objective.compares:
        raise ContractError(
            f"{name}: what it makes of a trajectory depends on others in the batch, but it does not declare `compares`"
        )
    if objective.compares and not compares:
        raise ContractError(
            f"{name}: declares that it compares trajectories, but what it makes of one does not depend on the others"
        )


def _moves(objective: Objective, evaluated: Evaluated, rows: Tensor) -> bool:
    """Whether the gradient by what is read of ``rows`` (bool [B]) depends on the numbers of the other trajectories."""
    before = _gradients(objective, evaluated, rows)
    after = _gradients(objective, _moved(evaluated, ~rows), rows)
    if not all(g.isfinite().all() for g in (*before, *after)):
        raise ContractError(
            f"{type(objective).__name__}: a gradient is not finite where a condition has few trajectories"
        )
    return not all(torch.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(before, after, strict=True))


def _moved(evaluated: Evaluated, rows: Tensor) -> Evaluated:
    """With other numbers in ``rows``, where there are real numbers; what is infinite and what is padding stays."""
    draw = torch.Generator().manual_seed(0)

    def moved(value: Tensor, quantity: type[Quantity] | None) -> Tensor:
        if not value.is_floating_point() or not value.dim():
            return value
        shape = (len(value), *[1] * (value.dim() - 1))
        here = rows.view(shape) & value.isfinite()
        if value.dim() > 1 and (quantity is None or quantity.per_step):
            here = here & evaluated.mask.view(*evaluated.mask.shape, *[1] * (value.dim() - 2))
        noise = torch.rand(shape, generator=draw, dtype=value.dtype)
        return torch.where(here, value * (1 + noise) - 0.1 * noise, value)

    return evaluated.map(moved)


def _gradients(objective: Objective, evaluated: Evaluated, rows: Tensor) -> list[Tensor]:
    """Of the sum of all losses, by everything that is read of ``rows``."""
    leaves: list[Tensor] = []

    def leaf(value: Tensor, _: type[Quantity] | None) -> Tensor:
        if not value.is_floating_point():
            return value
        value = value.detach()
        if not value.dim():  # log Z, which under conditions is one for each trajectory
            value = value.expand(len(rows)).clone()
        leaves.append(value.requires_grad_())
        return value

    inputs = evaluated.map(leaf)
    total = torch.stack([loss.value for loss in objective(inputs).losses.values()]).sum()
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [torch.zeros_like(x)[rows] if g is None else g[rows] for g, x in zip(found, leaves, strict=True)]
