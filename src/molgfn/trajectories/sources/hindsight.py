"""Hindsight: what was drawn in this batch, once more, as if it had been asked for."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from molgfn.environments.base import Environment
from molgfn.environments.conditional import drawn_condition
from molgfn.errors import ContractError
from molgfn.policies.base import Policy
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.rewarded import under_own_conditions
from molgfn.trajectories.sources.base import Context, Kind, Source


class Hindsight(Source):
    """Trajectories that the sources before it drew, under the condition that their own object is right for.

    A policy that is asked for a goal and makes something else learns how that other goal is reached. Log R is computed
    anew of what was measured, so that no oracle is asked. Each trajectory comes once before one comes twice. Where
    several trajectories share a condition (``per_condition``), it is that of the first of them.

    Args:
        share: share of each batch, in (0, 1).

    Reference: Andrychowicz et al. 2017, arXiv 1707.01495; for goals of GFlowNets Roy et al. 2023, arXiv 2306.04620.
    """

    word = "hindsight"
    keeps_hidden = True
    kind = Kind.STORED

    def __init__(self, *, share: Annotated[float, Field(gt=0, lt=1)] = 0.25) -> None:
        self.share: float = share

    @property
    def off_policy(self) -> str:
        return f"gives it trajectories under conditions that they were not drawn for (share {self.share:g})"

    def misfit(self, policy: Policy) -> str | None:
        return no_hindsight(policy.environment)

    def draw(self, context: Context, n: int) -> Trajectories:
        if context.fresh is None:
            raise ContractError("hindsight looks at what was drawn before it, and there is nothing")
        fresh = context.fresh.trajectories
        order = torch.randperm(len(fresh), generator=context.choices)
        chosen = fresh.select(order[torch.arange(n) % len(fresh)].to(fresh.lengths.device))
        return under_own_conditions(chosen, context.policy.environment, context.reward)


def no_hindsight(environment: Environment) -> str | None:
    """Why objects have no condition of their own in an environment; None where they have."""
    condition = drawn_condition(environment)
    if condition is None:
        return "looks for the condition that an object is right for, but there is none; give the run a condition"
    if not condition.has_hindsight:
        return (
            f"looks for the condition that an object is right for, but {condition.name} has none that is its own; a "
            "goal or a target has"
        )
    return None
