"""What a trained policy itself says of log Z, and of log Z(c) under a condition; and whether R / Z is its target."""

from __future__ import annotations

from collections.abc import Callable

import torch

from molgfn.environments.base import Environment
from molgfn.objectives.base import Objective
from molgfn.policies.base import Policy

#: predicts log Z in an environment, without a condition or under one
Predicted = Callable[[Environment], float]


def prediction(policy: Policy, objective: Objective | type[Objective] | None) -> Predicted | None:
    """Where the objective taught the policy log Z: log F of the source, or its log Z(c); None where it taught neither.

    A critic's value of the source is no log Z while its policy has not converged, so it is not taken for one. Where the
    objective does not lead to R / Z (``Objective.has_target``), what it calls Z is not the sum of R.

    Args:
        policy: a trained one.
        objective: what it was trained with, or the class of it; None: it is not known.
    """
    if objective is None:
        return None
    if objective.learns_flow:
        return lambda environment: _source_flow(policy, environment)
    if "log_z" in getattr(objective, "trains", ()):  # a class may leave it to its instances
        return lambda environment: _number(policy.log_z_of(environment.initial(1, policy.device)))
    return None


def untargeted(objective: Objective | type[Objective] | None) -> str | None:
    """Why nothing that an objective leads to is compared with R / Z; None where it is, or where it is not known."""
    if objective is None or objective.has_target:
        return None
    name = objective.__name__ if isinstance(objective, type) else type(objective).__name__
    return f"{name} leads to another distribution than R / Z, so a distance from R / Z says nothing of it"


@torch.no_grad()
def _source_flow(policy: Policy, environment: Environment) -> float:
    output = policy(environment.initial(1, policy.device), forward=False, flow=True)
    return float("nan") if output.log_flow is None else _number(output.log_flow)


def _number(values: torch.Tensor) -> float:
    return float(values.detach().double().reshape(-1)[0])
