"""The exact comparison of a sampler with its target as named readings, or why there is none."""

from __future__ import annotations

import math

from molgfn.environments.base import Environment
from molgfn.errors import NotEnumerableError
from molgfn.evaluation.exact.answers import ExactResult, compare, exact_target, exact_terminal
from molgfn.evaluation.exact.bounds import exact_bounds
from molgfn.evaluation.exact.hidden import hidden_numbers, hidden_part
from molgfn.evaluation.log_partition import prediction, untargeted
from molgfn.evaluation.readings import Reading
from molgfn.hiding.base import HiddenObjects
from molgfn.objectives.base import Objective
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward


def exact_readings(
    environment: Environment,
    policy: Policy,
    reward: Reward,
    *,
    limit: int,
    objective: Objective | type[Objective] | None = None,
    hidden: HiddenObjects | None = None,
) -> tuple[ExactResult | None, dict[str, Reading]]:
    """``exact/tv`` and its like, each over objects; where the space cannot be listed, ``exact/tv`` says why.

    ``exact/log_z_error`` is what the policy itself says of log Z less log Z, ``exact/elbo`` and ``exact/eubo`` the
    bounds on it that P_F and P_B give.

    Args:
        environment: builds the objects.
        policy: what is measured.
        reward: log R(x) of every object.
        limit: most states that are listed; 0 for never.
        objective: what the policy was trained with, see ``log_partition``.
        hidden: what was hidden from it, which is measured apart (``evaluation.exact.hidden``); None for nothing.

    Raises:
        ConfigError: all objects are hidden, or none.
    """
    if not limit:
        return None, {"exact/tv": Reading.missing("not asked for (exact_limit=0)")}
    if (reason := untargeted(objective)) is not None:
        return None, {"exact/tv": Reading.missing(reason)}
    try:
        target = exact_target(environment, reward, limit=limit)
    except NotEnumerableError as error:
        return None, {"exact/tv": Reading.missing(str(error))}
    result = compare(target, exact_terminal(policy, target.graph))
    bounds = exact_bounds(policy, target)
    numbers = {
        "tv": result.tv,
        "jsd": result.jsd,
        "kl": result.kl,
        "reverse_kl": result.reverse_kl,
        "mean_l1": result.mean_l1,
        "relative_mean_reward": result.relative_mean_reward,
        "mean_reward": result.mean_reward,
        "target_mean_reward": result.target_mean_reward,
        "log_z": result.log_z,
        "elbo": bounds.elbo,
        "eubo": bounds.eubo,
    }
    found = {f"exact/{name}": Reading(value, count=len(result.keys)) for name, value in numbers.items()}
    if hidden is not None:
        for name, value in hidden_numbers(result.p, target, hidden_part(environment, target, hidden)).items():
            told = Reading.missing("undefined on this part of the objects") if math.isnan(value) else Reading(value)
            found[f"exact/{name}"] = told
    return result, found | {"exact/log_z_error": _log_z_error(environment, policy, objective, result.log_z)}


def _log_z_error(
    environment: Environment, policy: Policy, objective: Objective | type[Objective] | None, log_z: float
) -> Reading:
    if objective is None:
        return Reading.missing("it is not known what the policy was trained with, and so whether it knows log Z")
    if (predicted := prediction(policy, objective)) is None:
        return Reading.missing("the objective teaches the policy no log Z")
    return Reading(predicted(environment) - log_z)
