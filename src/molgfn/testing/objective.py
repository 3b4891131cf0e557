"""The contract of objectives, checked on the golden DAG."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from molgfn.errors import ContractError
from molgfn.objectives.base import Objective, unknown_words
from molgfn.testing.golden import GoldenDag, golden_dag
from molgfn.trajectories.batch import Scored, Trajectories
from molgfn.trajectories.scoring import Networks, score


def check_objective(objective: Objective, *, zero_at_balance: bool = True) -> None:
    """Check everything that ``objectives.base.Objective`` promises.

    Declarations name known words; pads, the order of trajectories and the width of padding change nothing; losses and
    gradients are finite; gradient reaches the declared parameter groups and no others; and at exact flows loss and
    gradient vanish, or the expected gradient does. An objective that needs path independence has no exact flows on the
    golden DAG, so this last check is left out for it.

    Args:
        objective: what to check.
        zero_at_balance: the loss itself is 0 at exact flows, on any trajectories. With False (a policy-gradient
            surrogate) the gradient must be 0 there in expectation over batches of two trajectories from P_F, exactly.

    Raises:
        ContractError: names the objective, the promise, and what came instead.
    """
    name = type(objective).__name__
    if problems := unknown_words(objective):
        raise ContractError(f"{name}: {problems[0]}")
    dag = golden_dag()
    base = _total(objective, score_for(objective, dag))
    if not torch.isfinite(base):
        raise ContractError(f"{name}: the loss is {float(base.detach())}")
    _invariant(objective, dag, base)
    _gradients(objective, dag)
    if objective.needs_path_independence:
        return
    dag.solve(forward_looking=objective.forward_looking)
    if not zero_at_balance:
        worst = _largest(_gradient(_expected(objective, dag), dag))
        if not worst < 1e-7:
            raise ContractError(f"{name}: at exact flows the expected gradient is {worst:.3g}")
        return
    loss = _total(objective, score_for(objective, dag, networks=_copies(objective, dag)))
    value, worst = float(loss.detach()), _largest(_gradient(loss, dag))
    if not (value < 1e-12 and worst < 1e-7):
        raise ContractError(f"{name}: at exact flows the loss is {value:.3g}, its gradient {worst:.3g}")


def networks_of(objective: Objective, dag: GoldenDag) -> Networks:
    """Target and further networks for ``objective``: random tables, the same at every call."""
    draw = torch.Generator().manual_seed(0)
    auxiliaries = {}
    for name in objective.auxiliaries:
        table = dag.policy.copy()
        with torch.no_grad():
            for p in table.parameters():
                p.copy_(torch.randn(p.shape, generator=draw, dtype=p.dtype))
        auxiliaries[name] = table
    targets = {name: network.copy() for name, network in auxiliaries.items()}
    target = dag.policy.copy() if objective.target is not None else None
    return Networks(target=target, auxiliaries=auxiliaries, auxiliary_targets=targets)


def _copies(objective: Objective, dag: GoldenDag) -> Networks:
    """Target and further networks for ``objective``, all of them the policy: exact where it is."""
    copies = {name: dag.policy.copy() for name in objective.auxiliaries}
    target = dag.policy.copy() if objective.target is not None else None
    return Networks(target=target, auxiliaries=copies, auxiliary_targets=copies)


def score_for(
    objective: Objective,
    dag: GoldenDag,
    *,
    networks: Networks | None = None,
    joint: bool = True,
    trajectories: Trajectories | None = None,
) -> Scored:
    """Trajectories of the golden DAG, scored as at the first step of an iteration; P_B with gradient if possible.

    Args:
        objective: what is scored for.
        dag: with the policy.
        networks: target and further networks; None: random ones, as many as the objective has.
        joint: with the gradient of P_B, where the objective trains it.
        trajectories: None: all 19.
    """
    return score(
        dag.trajectories if trajectories is None else trajectories,
        dag.policy,
        requires=objective.requires,
        joint=joint and "backward" in objective.trains,
        networks=networks or networks_of(objective, dag),
    )


def _expected(objective: Objective, dag: GoldenDag) -> Tensor:
    """Loss of a batch of two trajectories, in expectation under P_F, which is not differentiated."""
    p, networks = dag.probabilities(), _copies(objective, dag)
    total = torch.zeros((), dtype=p.dtype)
    for i in range(len(p)):
        for j in range(i + 1):
            pair = dag.trajectories.select(torch.tensor([i, j]))
            weight = p[i] * p[j] * (1 if i == j else 2)
            total = total + weight * _total(objective, score_for(objective, dag, networks=networks, trajectories=pair))
    return total


def _largest(gradients: dict[str, Tensor | None]) -> float:
    return max((float(g.abs().max()) for g in gradients.values() if g is not None), default=0.0)


def _total(objective: Objective, scored: Scored) -> Tensor:
    return torch.stack([loss.value for loss in objective(scored).losses.values()]).sum()


def _gradient(loss: Tensor, dag: GoldenDag, networks: Networks | None = None) -> dict[str, Tensor | None]:
    groups = {name: p for name, (p, *_) in dag.policy.parameter_groups().items()}
    for name, network in (networks.auxiliaries if networks else {}).items():
        groups[name] = network.flows  # type: ignore[assignment]
    found = torch.autograd.grad(loss, list(groups.values()), allow_unused=True, retain_graph=True)
    return dict(zip(groups, found, strict=True))


def _gradients(objective: Objective, dag: GoldenDag) -> None:
    name = type(objective).__name__
    networks = networks_of(objective, dag)
    scored = score_for(objective, dag, networks=networks)
    total = _total(objective, scored)
    gradients = _gradient(total, dag, networks)
    named = frozenset[str]().union(*(loss.groups for loss in objective(scored).losses.values()))
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


#: what stands on pads where it is not 0
_PAD: dict[str, float] = dict.fromkeys(("log_pf_all", "log_children", "log_child_factor"), -torch.inf)


def _invariant(objective: Objective, dag: GoldenDag, base: Tensor) -> None:
    name = type(objective).__name__
    scored = score_for(objective, dag)
    wider = {
        key: torch.cat([value, value.new_full((len(value), 3, *value.shape[2:]), _PAD.get(key, 0))], 1)
        for key, value in vars(scored).items()
        if isinstance(value, Tensor) and value.dim() >= 2
    }
    padded = _total(objective, replace(scored, **wider))
    if not torch.allclose(padded, base, rtol=1e-9, atol=1e-12):
        raise ContractError(f"{name}: three more pads change the loss")
    for group, gradient in _gradient(_total(objective, scored), dag).items():
        again = _gradient(padded, dag)[group]
        if gradient is not None and not (again is not None and torch.allclose(again, gradient, rtol=1e-9, atol=1e-12)):
            raise ContractError(f"{name}: three more pads change the gradient of `{group}`")
    order = torch.randperm(len(scored), generator=torch.Generator().manual_seed(0))
    mixed = {
        key: value[order]
        for key, value in vars(scored).items()
        if isinstance(value, Tensor) and value.dim() and len(value) == len(scored)
    }
    if not torch.allclose(_total(objective, replace(scored, **mixed)), base, rtol=1e-9, atol=1e-12):
        raise ContractError(f"{name}: the order of the trajectories changes the loss")
