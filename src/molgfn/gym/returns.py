"""What an episode is paid: at its end alone, or as the entropy-regularised return whose best policy samples R / Z."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from molgfn.environments.actions import ListedActions
from molgfn.environments.base import Environment, States

#: ``log_reward``: log R(x) at the exit; ``reward``: R(x) at the exit; ``soft``: log P_B of each step under a uniform
#: P_B, and log R'(x) at the exit, where R' = R / C is what flows are trained on. The policy with the highest expected
#: ``soft`` return plus entropy (at temperature 1) samples in proportion to R, and its soft value at the source is log Z
#: (Tiapkin et al. 2023, arXiv 2310.12934; Deleu et al. 2024, arXiv 2402.10309)
Returns = Literal["log_reward", "reward", "soft"]
RETURNS: tuple[str, ...] = get_args(Returns)


def on_the_way(returns: Returns, environment: Environment, after: States) -> Tensor:
    """Reward of the steps that led to the states ``after`` [B], float64 [B]."""
    if returns != "soft":
        return torch.zeros(len(after), dtype=torch.float64)
    return -_backward_counts(environment, after).double().log()


def at_the_exit(returns: Returns, environment: Environment, states: States, objects: object, log_r: Tensor) -> Tensor:
    """Reward of finished ``objects`` [B] whose terminal states are ``states``, of log R [B], float64 [B]."""
    if returns == "soft":
        return log_r.double() - environment.log_symmetry(states, objects)
    return log_r.double().exp() if returns == "reward" else log_r.double()


def _backward_counts(environment: Environment, states: States) -> Tensor:
    """How many backward actions each state [B] has, int64 [B]."""
    if isinstance(environment, ListedActions):
        return environment.backward_mask(states).sum(1)
    row, _ = environment.legal_backward_actions(states)  # type: ignore[attr-defined]  # actions in parts have it, too
    return torch.bincount(row, minlength=len(states))
