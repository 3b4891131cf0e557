"""The contract of objectives, checked on the golden DAG."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from molgfn.errors import ContractError
from molgfn.objectives.base import Objective
from molgfn.objectives.declarations import of_objective
from molgfn.policies.tabular import TabularPolicy
from molgfn.ranks import Ranks
from molgfn.testing.compared import check_compared
from molgfn.testing.golden import GoldenDag, golden_dag
from molgfn.testing.shares import on_each
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.union import WHOLE, Union


def check_objective(objective: Objective, *, zero_at_balance: bool = True) -> None:
    """Check everything that ``objectives.base.Objective`` promises, with quantities and networks of its own.

    Declarations name what there is; pads, the order of trajectories and the width of padding change nothing, nor do two
    processes with half a batch each (``evaluated.union``); trajectories under different conditions are not compared
    (``evaluated.groups``), and any only where it declares ``compares``; losses and gradients are finite; gradient
    reaches the declared parameter groups and no others; and at exact flows loss and gradient vanish, or the expected
    gradient does. Three kinds of objectives have no exact flows on the golden DAG, so that this last check is left out
    for them: those that need path independence, those that read a frozen policy (for which a random table stands in
    here: P_T is not R / Z), and those that have no target (``has_target``).

    Args:
        objective: what to check.
        zero_at_balance: the loss itself is 0 at exact flows, on any trajectories. With False (a policy-gradient
            surrogate) the gradient must be 0 there in expectation over batches of two trajectories from P_F, exactly.

    Raises:
        ContractError: names the objective, the promise, and what came instead.
    """
    name = type(objective).__name__
    if problems := of_objective(objective):
        raise ContractError(f"{name}: {problems[0]}")
    dag = golden_dag()
    base = _total(objective, evaluate_for(objective, dag))
    if not torch.isfinite(base):
        raise ContractError(f"{name}: the loss is {float(base.detach())}")
    _invariant(objective, dag, base)
    _gradients(objective, dag)
    _shared(objective, dag)
    check_compared(objective, evaluate_for(objective, dag, joint=False))
    if objective.needs_path_independence or objective.frozen or not objective.has_target:
        return
    dag.solve(forward_looking=objective.forward_looking)
    if not zero_at_balance:
        worst = _largest(_gradient(_expected(objective, dag), dag))
        if not worst < 1e-7:
            raise ContractError(f"{name}: at exact flows the expected gradient is {worst:.3g}")
        return
    loss = _total(objective, evaluate_for(objective, dag, networks=_copies(objective, dag)))
    value, worst = float(loss.detach()), _largest(_gradient(loss, dag))
    if not (value < 1e-12 and worst < 1e-7):
        raise ContractError(f"{name}: at exact flows the loss is {value:.3g}, its gradient {worst:.3g}")


def networks_of(objective: Objective, dag: GoldenDag) -> Networks:
    """Target, further and frozen networks for ``objective``: random tables, the same at every call."""
    draw = torch.Generator().manual_seed(0)

    def random() -> TabularPolicy:
        table = dag.policy.copy()
        with torch.no_grad():
            for p in table.parameters():
                p.copy_(torch.randn(p.shape, generator=draw, dtype=p.dtype))
        return table

    own = {network.name: random() for network in objective.networks}
    return _networks(objective, dag, own, {name: random() for name in objective.frozen})


def _copies(objective: Objective, dag: GoldenDag) -> Networks:
    """Target and further networks for ``objective``, all of them the policy: exact where it is."""
    own = {network.name: dag.policy.copy() for network in objective.networks}
    return _networks(objective, dag, own, {})


def _networks(
    objective: Objective, dag: GoldenDag, own: Mapping[str, TabularPolicy], frozen: Mapping[str, TabularPolicy]
) -> Networks:
    copied = [network.name for network in objective.networks if network.copied]
    return Networks(
        target=dag.policy.copy() if objective.target is not None else None,
        own=own,
        targets={name: own[name].copy() for name in copied},
        frozen=frozen,
    )


def evaluate_for(
    objective: Objective,
    dag: GoldenDag,
    *,
    networks: Networks | None = None,
    joint: bool = True,
    trajectories: Trajectories | None = None,
    union: Union = WHOLE,
) -> Evaluated:
    """Trajectories of the golden DAG, evaluated as at the first step of an iteration; P_B with gradient if possible.

    Args:
        objective: what is evaluated for.
        dag: with the policy.
        networks: target and further networks; None: random ones, as many as the objective has.
        joint: with the gradient of P_B, where the objective trains it.
        trajectories: None: all 19.
        union: the batch of all processes.
    """
    return evaluate(
        dag.trajectories if trajectories is None else trajectories,
        dag.policy,
        quantities=objective.quantities,
        joint=joint and "backward" in objective.trains,
        networks=networks or networks_of(objective, dag),
        union=union,
    )


def widened(evaluated: Evaluated, pads: int) -> Evaluated:
    """With ``pads`` more columns of padding, as each quantity pads."""

    def wider(value: Tensor, quantity: type[Quantity] | None) -> Tensor:
        if value.dim() < 2 or not (quantity is None or quantity.per_step):
            return value
        fill = 0 if quantity is None else quantity.padding
        return torch.cat([value, value.new_full((len(value), pads, *value.shape[2:]), fill)], 1)

    return evaluated.map(wider)


def reordered(evaluated: Evaluated, order: Tensor) -> Evaluated:
    """The trajectories in another order, int64 [B]."""
    n = len(evaluated)
    return evaluated.map(lambda value, _: value[order] if value.dim() and len(value) == n else value)


def _expected(objective: Objective, dag: GoldenDag) -> Tensor:
    """Loss of a batch of two trajectories, in expectation under P_F, which is not differentiated."""
    p, networks = dag.probabilities(), _copies(objective, dag)
    total = torch.zeros((), dtype=p.dtype)
    for i in range(len(p)):
        for j in range(i + 1):
            pair = dag.trajectories.select(torch.tensor([i, j]))
            weight = p[i] * p[j] * (1 if i == j else 2)
            of_pair = evaluate_for(objective, dag, networks=networks, trajectories=pair)
            total = total + weight * _total(objective, of_pair)
    return total


def _largest(gradients: dict[str, Tensor | None]) -> float:
    return max((float(g.abs().max()) for g in gradients.values() if g is not None), default=0.0)


def _total(objective: Objective, evaluated: Evaluated) -> Tensor:
    return torch.stack([loss.value for loss in objective(evaluated).losses.values()]).sum()


def _gradient(loss: Tensor, dag: GoldenDag, networks: Networks | None = None) -> dict[str, Tensor | None]:
    """Of the policy's groups, and of the further networks: of what they learn of states and of actions together."""
    groups = {name: [p] for name, (p, *_) in dag.policy.parameter_groups().items()}
    for name, network in (networks.own if networks else {}).items():
        groups[name] = [network.flows, network.forward_logits, network.backward_logits]  # type: ignore[list-item]
    flat = [p for parameters in groups.values() for p in parameters]
    found = iter(torch.autograd.grad(loss, flat, allow_unused=True, retain_graph=True))
    gradients: dict[str, Tensor | None] = {}
    for name, parameters in groups.items():
        reached = [g.flatten() for g in (next(found) for _ in parameters) if g is not None]
        gradients[name] = torch.cat(reached) if reached else None
    return gradients


def _gradients(objective: Objective, dag: GoldenDag) -> None:
    name = type(objective).__name__
    networks = networks_of(objective, dag)
    evaluated = evaluate_for(objective, dag, networks=networks)
    total = _total(objective, evaluated)
    gradients = _gradient(total, dag, networks)
    named = frozenset[str]().union(*(loss.groups for loss in objective(evaluated).losses.values()))
    if unlike := named ^ objective.trains:
        raise ContractError(
            f"{name}: declares that it trains {sorted(objective.trains)}, but its losses name {sorted(named)} "
            f"(not in both: {sorted(unlike)})"
        )
    for group, gradient in gradients.items():
        if (gradient is not None) != (group in objective.trains):
            says = "declares" if gradient is None else "does not declare"
            gets = "none" if gradient is None else "some"
            raise ContractError(f"{name}: {says} that it trains `{group}`, but that group gets {gets} gradient")
        if gradient is not None and not torch.isfinite(gradient).all():
            raise ContractError(f"{name}: the gradient of `{group}` is not finite")


def _invariant(objective: Objective, dag: GoldenDag, base: Tensor) -> None:
    name = type(objective).__name__
    evaluated = evaluate_for(objective, dag)
    padded = _total(objective, widened(evaluated, 3))
    if not torch.allclose(padded, base, rtol=1e-9, atol=1e-12):
        raise ContractError(f"{name}: three more pads change the loss")
    for group, gradient in _gradient(_total(objective, evaluated), dag).items():
        again = _gradient(padded, dag)[group]
        if gradient is not None and not (again is not None and torch.allclose(again, gradient, rtol=1e-9, atol=1e-12)):
            raise ContractError(f"{name}: three more pads change the gradient of `{group}`")
    order = torch.randperm(len(evaluated), generator=torch.Generator().manual_seed(0))
    if not torch.allclose(_total(objective, reordered(evaluated, order)), base, rtol=1e-9, atol=1e-12):
        raise ContractError(f"{name}: the order of the trajectories changes the loss")


def _shared(objective: Objective, dag: GoldenDag) -> None:
    """Two processes with nine trajectories each have on average the losses and gradients of one with all eighteen."""

    def of(rows: Tensor, union: Union = WHOLE) -> tuple[Tensor, dict[str, Tensor | None]]:
        share = dag.trajectories.select(rows)
        loss = _total(objective, evaluate_for(objective, dag, trajectories=share, union=union))
        return loss.detach(), _gradient(loss, dag)

    def half(ranks: Ranks) -> tuple[Tensor, dict[str, Tensor | None]]:
        return of(torch.arange(9 * ranks.rank, 9 * ranks.rank + 9), Union(ranks))

    whole, gradients = of(torch.arange(18))
    (first, of_first), (second, of_second) = on_each(half)
    name, way = type(objective).__name__, "ask `evaluated.union` for what joins trajectories"
    if not torch.allclose((first + second) / 2, whole, rtol=1e-9, atol=1e-12):
        raise ContractError(f"{name}: two processes with half a batch each have another loss than one with all; {way}")
    for group, gradient in gradients.items():
        one, other = of_first[group], of_second[group]
        if gradient is None or one is None or other is None:
            continue
        if not torch.allclose((one + other) / 2, gradient, rtol=1e-9, atol=1e-12):
            raise ContractError(
                f"{name}: two processes with half a batch each have another gradient of `{group}` than one; {way}"
            )
