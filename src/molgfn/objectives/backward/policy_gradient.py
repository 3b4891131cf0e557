"""Policy gradients on P_B, towards P_F (RL-B) or towards a guide (RL-G)."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from molgfn.objectives.backward.base import BackwardPolicyTraining, Guide
from molgfn.objectives.base import Loss, Network, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogGuide, LogPB
from molgfn.trajectories.quantities.backward_values import BackwardValue
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.forward import ConstantLogPF


class BackwardPolicyGradient(BackwardPolicyTraining):
    """P_B by policy gradients (RL-B; with a guide RL-G).

    After the forward step, P_B draws one trajectory back from each object of the batch. Every construction step costs
    ``b_t = log P_B(s_t|s_{t+1}) - log P_F(s_{t+1}|s_t)``, without gradient; with a guide P_G stands for P_F. The sum
    estimates ``E_x KL(P_B(.|x) || P_F(.|x))`` up to a term of x alone (exit probabilities are left out). The optimum is
    the trajectory posterior of P_F, as that of TLM, from the other side of the KL divergence.

    V_B(s), a network of its own, is the expected cost from s down to the source, V_B(s_0) = 0. A trajectory runs from x
    to s_0, against the order in which it is stored, so the advantage of the step s_{t+1} -> s_t is ``A_t = sum_{k<=t}
    lambda^(t-k) (b_k + V_B(s_k) - V_B(s_{k+1}))``. Losses: ``rl_b`` (``rl_g``) = mean_b sum_t A_t log P_B for P_B,
    ``critic`` = mean_b sum_t (V_B(s_{t+1}) - (A_t + V_B(s_{t+1})))^2, the target without gradient, for V_B.

    The objects may come from anywhere, as the trajectories are P_B's own. Authors: learning rate 1e-3 of P_B, 5e-3 of
    V_B, whose rate is ``optimizer.lr_flow`` here.

    Args:
        guide: what P_B is taught; None: P_F.
        lambda_: of the generalised advantages, in [0, 1]; below 1 biased until V_B is exact.

    Reference: Niu et al. 2024, arXiv 2408.05885 (RL-B, RL-G). Pinned by tests/objectives/test_backward_learned.py.
    """

    learned: ClassVar[bool] = True
    joint: ClassVar[bool] = False
    on_policy: ClassVar[bool] = False
    reference: ClassVar[str] = "Niu et al. 2024, arXiv 2408.05885 (RL-B, RL-G)"
    when = "after"
    trajectories = "backward"
    networks = (Network("value_backward"),)

    def __init__(self, *, guide: Guide | None = None, lambda_: Annotated[float, Field(ge=0, le=1)] = 1.0) -> None:
        self.guide = guide
        self.lambda_ = lambda_
        self.teacher: type[Quantity] = ConstantLogPF if guide is None else LogGuide
        self.quantities = (LogPB, self.teacher, BackwardValue)

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        log_pb = evaluated[LogPB]
        construction = evaluated.mask & ~evaluated.is_exit
        cost = torch.where(construction, log_pb - evaluated[self.teacher], 0.0).detach()
        value = functional.pad(evaluated[BackwardValue][:, 1:], (1, 0))  # V_B(s_0) = 0
        start = torch.where(construction, functional.pad(value[:, 1:], (0, 1)), 0.0)  # of the step, V_B(s_{t+1})
        end = torch.where(construction, value, 0.0).detach()
        advantage = (cost + end - start.detach()) @ decay(cost, self.lambda_) * construction
        target = advantage + start.detach()
        name = "rl_b" if self.guide is None else "rl_g"
        return ObjectiveOutput(
            losses={
                name: Loss((log_pb * advantage).sum(1).mean(), frozenset({"backward"})),
                "critic": Loss((start - target).square().sum(1).mean(), frozenset({"value_backward"})),
            },
            metrics={f"{name}/cost": cost.sum(1).mean()},
        )


def decay(like: Tensor, lambda_: float) -> Tensor:
    """[T, T] for ``like`` [B, T]: lambda^(t-k) in row k and column t >= k, 0 before."""
    step = torch.arange(like.shape[1], device=like.device)
    distance = (step - step[:, None]).to(like.dtype)
    return torch.where(distance >= 0, lambda_ ** distance.clamp(min=0), 0.0)
