"""The exact target under one condition after another, over a space that is listed and scored only once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import torch

from molgfn.environments.conditional import Conditional, ConditionalStates
from molgfn.evaluation.exact.answers import ExactResult, ExactTarget, compare, exact_target, exact_terminal, solve_flows
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward


class Targets:
    """R(x | c)/Z(c) for any c: what was measured of each object once gets another log R, without a call.

    Args:
        environment: under any one condition.
        reward: asked for each object once (a reward that measures nothing: under each condition).
        limit: most states.

    Raises:
        NotEnumerableError: the space cannot be listed, or has more than ``limit`` states.
    """

    def __init__(self, environment: Conditional, reward: Reward, *, limit: int) -> None:
        self.reward = reward
        self._listed = exact_target(environment, reward, limit=limit)
        self._states = cast(ConditionalStates, self._listed.graph.states)

    def under(self, environment: Conditional) -> ExactTarget:
        """The target in the same environment under another condition."""
        graph, keys = self._listed.graph, self._listed.keys
        states = environment.under_condition_of(self._states, environment.initial(len(graph)))
        condition = environment.condition_values(environment.initial(len(keys)))
        if self._listed.measurements is None:
            log_reward = self.reward(self._objects(environment), keys, condition).log_reward
        else:
            log_reward = self.reward.revalue(self._listed.measurements, condition)
        return replace(self._listed, graph=replace(graph, states=states), log_reward=log_reward.double())

    def _objects(self, environment: Conditional) -> Any:
        """The objects of the keys, each from the first state that is it."""
        owner = self._listed.objects
        ends = torch.nonzero(owner >= 0).squeeze(1)
        first = torch.full((len(self._listed.keys),), len(owner)).scatter_reduce(0, owner[ends], ends, "amin")
        return environment.objects(self._states[first])

    def compare(self, environment: Conditional, policy: Policy) -> tuple[ExactResult, float]:
        """How far the policy is from the target under a condition; and log Z'(c), what its flows should sum to.

        Z' is Z where the symmetry term is whole (``Environment.corrects_symmetry``).
        """
        target = self.under(environment)
        result = compare(target, exact_terminal(policy, target.graph))
        whole = environment.corrects_symmetry
        return result, result.log_z if whole else solve_flows(target.graph, target.log_target).log_z
