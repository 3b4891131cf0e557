"""The residual table that the balance objectives are reductions of."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.flows import LogFlow


def steps(evaluated: Evaluated) -> Tensor:
    """[B, T]: log P_F - log P_B of each step, log P_F - log R'(x) at the exit; 0 on pads."""
    return evaluated.log_pf - evaluated[LogPB] - evaluated.is_exit * evaluated.log_reward[:, None]


def log_ratios(evaluated: Evaluated) -> Tensor:
    """S(tau) = log P_F(tau) - log P_B(tau | x) - log R'(x), [B]. The soft return is -S."""
    return steps(evaluated).sum(1)


def detailed_balance(evaluated: Evaluated, flow: Tensor | None = None, next_flow: Tensor | None = None) -> Tensor:
    """d_t = log F(s_t) + log P_F - log F(s_{t+1}) - log P_B, at the exit log F(x) + log P_F - log R'(x), [B, T].

    0 on pads. Sums of consecutive entries are sub-trajectory residuals; log F(s_0) stands for log Z.

    Args:
        evaluated: with ``LogPB``, and with ``LogFlow`` where the flows are not given.
        flow: log F of every state, [B, T]; None takes ``LogFlow``.
        next_flow: log F to read at s_{t+1}, in the column of its state; None takes ``flow``.
    """
    flow = evaluated[LogFlow] if flow is None else flow
    next_flow = flow if next_flow is None else next_flow
    following = torch.nn.functional.pad(next_flow[:, 1:], (0, 1))  # pads and the sink carry log F = 0 here
    return (steps(evaluated) + flow - torch.where(evaluated.is_exit, 0.0, following)) * evaluated.mask
