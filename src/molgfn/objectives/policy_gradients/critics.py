"""How V(s), the expected soft return from a state, is learned beside a policy gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from molgfn.errors import ConfigError
from molgfn.objectives.policy_gradients import advantages
from molgfn.objectives.regression import mean
from molgfn.trajectories.union import WHOLE, Union

CriticKind = Literal["td_lambda", "sub_eb"]


@dataclass(frozen=True)
class Critic:
    """What V is fitted to, with which loss, and how often.

    ``td_lambda``: squares of V(s_t) - y_t with the TD(lambda) target y_t = A_t + V(s_t), A the generalised advantage;
    lambda = 1 is the Monte-Carlo target sum_{k >= t} g_k. With reduction="trajectory" V^pi is the fixed point for every
    lambda. With "transition" a trajectory weighs the less the more steps its batch has, and so the longer it is: the
    fixed point tends to V^pi only as batches grow (on the golden DAG it is at most .65, .18, .044, .010 away for
    batches of 1, 4, 16, 64).

    ``sub_eb``: squares of ``V(s_i) - sum_{t=i}^{j-1} g_t - V(s_j)`` over all sub-trajectories i < j <= T with
    V(s_T) = 0, weights lambda^(j-i) normalised within each trajectory. Both ends get gradient, as in the authors' code.
    This is a residual-gradient method: the minimiser is log F where P_F is exact, but elsewhere it is *not* V^pi (on
    the golden DAG V(s0) comes out 1.329, 1.716, 1.953, 2.378 for lambda 1e-6, .9, 1.9, 50, where V^pi(s0) = 2.399).
    Such a critic biases a policy gradient with a GAE lambda below 1; with lambda 1 it is a mere baseline.

    Attributes:
        kind: one of the two.
        lambda_: of the kind, see above; in [0, 1] for td_lambda, > 0 for sub_eb.
        epochs: passes over the batch.
        splits: parts of the batch in a pass, one step each.
        reduction: of td_lambda: "transition": mean over all steps (Ent-PPO's code); "trajectory": mean over
            trajectories of sums (arXiv 2408.05885's).

    Reference: td_lambda: arXiv 1506.02438; sub_eb: Niu et al., ICLR 2026 (sub-trajectory evaluation balance).
    """

    kind: CriticKind = "td_lambda"
    lambda_: float = 0.9
    epochs: int = 1
    splits: int = 1
    reduction: Literal["transition", "trajectory"] = "transition"

    def __post_init__(self) -> None:
        if self.kind == "td_lambda" and not 0 <= self.lambda_ <= 1:
            raise ConfigError(f"objective: critic_lambda of td_lambda must lie in [0, 1], but is {self.lambda_}")
        if self.kind == "sub_eb" and self.lambda_ <= 0:
            raise ConfigError(f"objective: critic_lambda of sub_eb must be > 0, but is {self.lambda_}")

    @classmethod
    def of(cls, kind: CriticKind, lambda_: float | None, of_advantage: float, epochs: int, splits: int) -> Critic:
        """With ``lambda_`` None for what goes with the kind: that of the advantages, or .9 for sub_eb."""
        if lambda_ is None:
            lambda_ = 0.9 if kind == "sub_eb" else of_advantage
        return cls(kind, lambda_, epochs, splits)

    def target(self, rewards: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """[B, T]: what ``loss`` takes as its target, 0 on pads; all that it needs to know of the rewards."""
        if self.kind == "sub_eb":
            return advantages.rewards_to_go(rewards)
        return (advantages.gae(rewards, value, mask, self.lambda_) + value) * mask

    def loss(self, value: Tensor, target: Tensor, mask: Tensor, union: Union = WHOLE) -> Tensor:
        """Scalar, with the gradient of ``value`` [B, T]."""
        error = (value - target) * mask
        if self.kind == "td_lambda":
            return mean(error.square(), mask, self.reduction, union)
        # V(s_i) - sum g - V(s_j) = e_i - e_j with e = V - (rewards to go), and e = 0 at the sink
        ends = torch.nn.functional.pad(error, (0, 1))
        squared = (ends[:, :, None] - ends[:, None, :]).square()
        return (self._weights(mask, squared.dtype) * squared).sum((1, 2)).mean()

    def _weights(self, mask: Tensor, dtype: torch.dtype) -> Tensor:
        """[B, T+1, T+1]: lambda^(j-i) of the sub-trajectories that are there, normalised within each trajectory."""
        position = torch.arange(mask.shape[1] + 1, device=mask.device)
        span = position[None, :] - position[:, None]
        there = (span > 0) & (position <= mask.sum(1)[:, None])[:, None, :]
        exponent = torch.where(there, span.to(dtype) * math.log(self.lambda_), -torch.inf)
        return exponent.flatten(1).softmax(1).view_as(exponent)
