"""What the parts of a run declare about themselves, checked before it starts."""

from __future__ import annotations

from molgfn.errors import ContractError
from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Objective
from molgfn.objectives.declarations import of_backward, of_objective, read_quantities
from molgfn.policies.base import Policy
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.networks import POLICY

#: the heads of a policy, in words
HEADS = {"forward": "P_F", "backward": "P_B", "flow": "flow or value of states", "log_z": "log Z"}


def ungiven(quantities: tuple[type[Quantity], ...], policy: Policy) -> list[str]:
    """What quantities read of a policy that does not give it, one line each, without the name of who reads them."""
    name, problems = type(policy).__name__, []
    lacking = {
        head.name: quantity.name
        for quantity in reversed(quantities)
        for head in quantity.reads
        if head.network == POLICY and head.name not in policy.provides
    }
    problems += [f"reads {quantity}, but {name} has no {HEADS[head]}" for head, quantity in sorted(lacking.items())]
    return problems


def misdeclared(objective: Objective, backward: BackwardPolicyTraining, policy: Policy) -> list[str]:
    """What the parts say of themselves and what cannot be, one line each: nobody would act on it."""
    problems = [f"objective: {type(objective).__name__}.{text}" for text in of_objective(objective)]
    problems += [f"backward: {type(backward).__name__}.{text}" for text in of_backward(backward)]
    names = [network.name for part in (objective, backward) for network in part.networks]
    if twice := sorted(name for name in set(names) if names.count(name) > 1):
        problems.append(f"backward: {type(backward).__name__} and the objective both have a network {', '.join(twice)}")
    if not problems:
        problems += [
            f"{key}: {type(part).__name__} {text}"
            for key, part in (("objective", objective), ("backward", backward))
            for text in ungiven(read_quantities(part), policy)
        ]
    try:
        policy.parameter_groups()
    except ContractError as error:
        problems.append(f"policy: {error}")
    return problems
