"""What a trained policy itself says of log Z(c)."""

from __future__ import annotations

from collections.abc import Callable

import torch

from molgfn.environments.base import Environment
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.flow_matching import FlowMatching
from molgfn.objectives.balance.subtrajectory_balance import SubTrajectoryBalance
from molgfn.objectives.base import Objective
from molgfn.policies.base import Policy
from molgfn.trajectories.quantities.flows import LogZ

#: predicts log Z of the one condition that an environment is under
Predicted = Callable[[Environment], float]


def prediction(policy: Policy, objective: Objective | None) -> Predicted | None:
    """Where the objective taught the policy log Z: its log Z(c), or log F of the source; None where it taught neither.

    A critic's value of the source is no log Z while its policy has not converged, so it is not taken for one.
    """
    if objective is None:
        return None
    if "log_z" in objective.trains and LogZ in objective.quantities:
        return lambda environment: _number(policy.log_z_of(environment.initial(1, policy.device)))
    flows = isinstance(objective, DetailedBalance | SubTrajectoryBalance | FlowMatching)
    if flows and not objective.forward_looking:
        return lambda environment: _source_flow(policy, environment)
    return None


@torch.no_grad()
def _source_flow(policy: Policy, environment: Environment) -> float:
    output = policy(environment.initial(1, policy.device), forward=False, flow=True)
    return float("nan") if output.log_flow is None else _number(output.log_flow)


def _number(values: torch.Tensor) -> float:
    return float(values.detach().double().reshape(-1)[0])
