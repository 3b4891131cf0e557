"""P_F itself as a guide, kept from stopping at poor objects."""

from __future__ import annotations

from math import exp, log
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.enumerable import enumerable
from molgfn.errors import ConfigError
from molgfn.objectives.backward.base import Guide
from molgfn.policies.base import Policy
from molgfn.training.guides.hash_table import HashTable, first_of_each
from molgfn.trajectories.batch import Trajectories


class ForwardPolicyGuide(Guide):
    """The present P_F, without gradient, in which stopping at a state of low reward is all but ruled out.

    At such a state P_F(stop|s) is at most exp(``log_stop``), and the other actions are scaled so that all sum to 1. So
    P_G follows paths through poor objects to good ones, where P_F would have stopped.

    No reward is computed for it: the reward of a state on the way is known where the run has met it as a finished
    object, and unknown counts as low, since what has a high reward is soon met again. Low is ``log R <= threshold``, or
    at most the ``quantile`` of all that is known. (Authors: hypergrid, R(s) <= R0; Bayesian networks, log R <= 75 and
    log 1e-10 for the cap.)

    Args:
        threshold: largest log R (with the reward's exponent in it) that is low; null takes the quantile.
        quantile: share of the known different objects that are low, in [0, 1]; only without a threshold.
        log_stop: log of the largest probability of stopping there, below 0.
        capacity: objects remembered; the oldest are forgotten.

    Reference: Niu et al. 2024, arXiv 2408.05885 (RL-G). Pinned by tests/training/test_guides.py.
    """

    of_keyed_states: ClassVar[bool] = True

    def __init__(
        self,
        *,
        threshold: float | None = None,
        quantile: Annotated[float, Field(ge=0, le=1)] | None = 0.5,
        log_stop: Annotated[float, Field(lt=0)] = log(1e-5),
        capacity: Annotated[int, Field(ge=1)] = 1_000_000,
    ) -> None:
        if (threshold is None) == (quantile is None):
            raise ConfigError("guide: give either threshold or quantile, and set the other to null")
        self.threshold = threshold
        self.quantile = quantile
        self.log_stop = log_stop
        self.capacity = capacity
        self._known = HashTable(1)
        self._order = torch.empty(0, dtype=torch.int64)

    def observe(self, trajectories: Trajectories, policy: Policy) -> None:
        if trajectories.log_reward is None:
            raise ValueError("a guide learns from scored trajectories")
        keys = enumerable(policy.environment, "backward.guide").hashes(trajectories.terminal).cpu()
        first = first_of_each(keys)
        first = first[~self._known.find(keys[first])[1]]
        self._known.add(keys[first], trajectories.log_reward.cpu().double()[first, None])
        self._order = torch.cat([self._order, keys[first]])
        if len(self._order) > self.capacity:  # a quarter at once, so that it is seldom
            self._order = self._order[-max(1, self.capacity * 3 // 4) :]
            kept, values = HashTable(1), self._known.find(self._order)[0]
            kept.add(self._order, values)
            self._known = kept

    @property
    def low(self) -> float:
        """The largest log R that counts as low; infinite while nothing is known."""
        if self.threshold is not None:
            return self.threshold
        values = self._known.values[:, 0]
        rank = int(self.quantile * len(values))  # type: ignore[operator]
        return float(values.kthvalue(rank).values) if rank else -torch.inf

    @torch.no_grad()
    def log_prob(self, trajectories: Trajectories, policy: Policy) -> Tensor:
        t, environment = trajectories, enumerable(policy.environment, "backward.guide")
        forward = policy(t.states).forward
        log_p = forward.log_prob(t.actions)  # type: ignore[union-attr]
        stop = forward.log_prob(environment.exit_action(t.states))  # type: ignore[union-attr]
        log_r, known = self._known.find(environment.hashes(t.states).cpu())
        low = ~known | (log_r[:, 0] <= self.low)
        # what the other actions and the capped stop sum to; -expm1 keeps it exact where P_F(stop) is near 1
        total = -torch.expm1(stop) + stop.exp().clamp(max=exp(self.log_stop))
        log_p = torch.where(low.to(log_p.device), log_p - total.log(), log_p)
        return torch.where(t.exits, 0.0, log_p)

    def state_dict(self) -> dict[str, Any]:
        return {"known": self._known.state_dict(), "order": self._order}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._known.load_state_dict(state["known"])
        self._order = state["order"].cpu()
