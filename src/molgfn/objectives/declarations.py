"""What objectives and trainings of P_B declare, checked: what nobody could act on is named before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import GROUPS, Network, Objective
from molgfn.trajectories.quantities.base import Frozen, Quantity
from molgfn.trajectories.quantities.networks import POLICY


def of_objective(objective: Objective) -> list[str]:
    """What an objective declares and cannot be had, one line each, without its name."""
    if absent := undeclared(objective):
        return absent
    names = network_names(objective)
    listed = [("quantities", objective.quantities), ("prepares_from", objective.prepares_from)]
    if "log_z" in objective.trains:
        listed.append(("weighs_by", objective.weighs_by))
    listed += [(f"quantities of phase {phase.name}", phase.quantities) for phase in objective.phases()]
    problems = _networks(objective.networks) + _listed(listed, names)
    if twice := sorted({n.name for n in objective.networks} & set(objective.frozen)):
        problems.append(f"frozen names {', '.join(twice)}, which `networks` names, too")
    for what, groups, known in (
        ("trains", objective.trains, GROUPS | {network.name for network in objective.networks}),
        ("separate", objective.separate, GROUPS),
    ):
        if unknown := sorted(groups - known):
            problems.append(f"{what} names {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    return list(dict.fromkeys(problems))


def of_backward(backward: BackwardPolicyTraining) -> list[str]:
    """The same of a training of P_B."""
    if absent := undeclared(backward):
        return absent
    return _networks(backward.networks) + _listed([("quantities", backward.quantities)], network_names(backward))


def undeclared(part: Objective | BackwardPolicyTraining) -> list[str]:
    """What it must say of itself and does not, one line each, without its name."""
    names = ("quantities", "on_policy", "trains") if isinstance(part, Objective) else ("learned", "joint", "on_policy")
    return [f"{name} is not declared" for name in names if not hasattr(part, name)]


def network_names(part: Objective | BackwardPolicyTraining) -> frozenset[str]:
    """The networks that its quantities may read."""
    frozen = part.frozen if isinstance(part, Objective) else {}
    return frozenset({POLICY, *(network.name for network in part.networks), *frozen})


def read_quantities(part: Objective | BackwardPolicyTraining) -> tuple[type[Quantity], ...]:
    """Every quantity that it reads at some time in an iteration, each once; what is none, ``of_objective`` names."""
    if isinstance(part, BackwardPolicyTraining):
        listed = part.quantities if part.has_loss else ()
    else:
        phases = (quantity for phase in part.phases() for quantity in phase.quantities)
        listed = (*part.quantities, *part.prepares_from, *phases)
    return tuple(q for q in dict.fromkeys(listed) if isinstance(q, type) and issubclass(q, Quantity))


def reads_flow(*parts: Objective | BackwardPolicyTraining) -> bool:
    """One of them reads log F of states."""
    return any(head.name == "flow" for part in parts for quantity in read_quantities(part) for head in quantity.reads)


def _networks(networks: Iterable[Network]) -> list[str]:
    problems, seen = [], set(GROUPS) | {POLICY, "target"}
    for network in networks:
        if not network.name.isidentifier():
            problems.append(f"networks names `{network.name}`, which is no name (letters, digits and _)")
        elif network.name in seen:
            problems.append(f"networks names {network.name}, which is already the name of something else")
        seen.add(network.name)
    return problems


def _listed(listed: Iterable[tuple[str, Iterable[Any]]], names: frozenset[str]) -> list[str]:
    problems = []
    for what, quantities in listed:
        for q in quantities:
            if not (isinstance(q, type) and issubclass(q, Quantity)):
                problems.append(f"{what} lists {q!r}, which is no quantity: a class of molgfn.trajectories.quantities")
            elif issubclass(q, Frozen):
                problems.append(f"{what} lists {q.__name__}, which is read without being listed: `prepare` gives it")
            elif inspect.isabstract(q):
                problems.append(f"{what} lists {q.__name__}, which does not say how it is computed (`compute`)")
            else:
                lacking = sorted({h.network for h in q.reads if not h.optional} - names)
                problems += [
                    f"{what} lists {q.__name__}, which reads the network `{name}`, but neither `networks` nor `frozen` "
                    f"declares one of this name"
                    for name in lacking
                ]
    return problems
