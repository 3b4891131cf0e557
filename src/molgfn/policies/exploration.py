"""Exploration: draw actions from something other than P_F itself; for off-policy objectives only."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from molgfn.policies.distributions import ActionDistribution, HasTempering, require


class Exploration:
    """Epsilon-uniform and tempered action choice.

    With probability epsilon a legal action is drawn uniformly (for a factorised choice uniformly at each stage), else
    from P_F with logits over ``temperature``. Epsilon falls linearly from ``epsilon`` to ``final_epsilon`` over
    ``decay_iterations``.

    Args:
        epsilon: share of uniform actions at first, in [0, 1].
        temperature: > 0; 1 leaves P_F as it is, more flattens it.
        final_epsilon: share of uniform actions after the decay; None keeps ``epsilon``.
        decay_iterations: length of the decay.
    """

    def __init__(
        self,
        *,
        epsilon: Annotated[float, Field(ge=0, le=1)] = 0.0,
        temperature: Annotated[float, Field(gt=0)] = 1.0,
        final_epsilon: Annotated[float, Field(ge=0, le=1)] | None = None,
        decay_iterations: Annotated[int, Field(ge=1)] = 1000,
    ) -> None:
        self.first = epsilon
        self.last = epsilon if final_epsilon is None else final_epsilon
        self.temperature = temperature
        self.decay_iterations = decay_iterations
        self.epsilon = epsilon

    def at(self, iteration: int) -> Exploration:
        """What is done in this iteration: with its epsilon, which does not fall any more."""
        share = min(iteration / self.decay_iterations, 1.0)
        return Exploration(epsilon=self.first + share * (self.last - self.first), temperature=self.temperature)

    @property
    def active(self) -> bool:
        """False where actions are drawn from P_F itself, now and later."""
        return self.first > 0 or self.last > 0 or self.temperature != 1.0

    def sample(self, distribution: ActionDistribution, generator: torch.Generator | None = None) -> Tensor:
        """One action per state, int64 [B] or [B, parts]."""
        if self.temperature == 1.0 and self.epsilon == 0:
            return distribution.sample(generator)
        choice = require(distribution, HasTempering, "exploration")
        tempered = distribution if self.temperature == 1.0 else choice.tempered(self.temperature)
        actions = tempered.sample(generator)
        if self.epsilon == 0:
            return actions
        random = choice.uniform().sample(generator)
        coin = torch.rand(len(actions), device=actions.device, generator=generator) < self.epsilon
        return torch.where(coin.view(-1, *[1] * (actions.dim() - 1)), random, actions)
