"""Random policy evaluation."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from molgfn.objectives.base import Loss, Objective, ObjectiveOutput, TargetNetwork
from molgfn.objectives.regression import Reduction, mean
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.children import LogChildFactor, LogChildren, LogPathFactor, LogPFAll
from molgfn.trajectories.quantities.flows import LogFlow
from molgfn.trajectories.quantities.rewards import LogRewardState


class RandomPolicyEvaluation(Objective):
    """Random policy evaluation (RPE): values of the uniform policy, and P_F read off them.

    With A(s) legal actions (stop is one), B(s) legal backward actions and ``g(s_t) = prod_{i<t} A(s_i) / B(s_{i+1})``,
    the uniform policy's expected terminal reward ``R'(x) g(x) A(x)`` from s (the last step has B = 1) is ``V(s) = g(s)
    F(s)``, with F the flow for uniform P_B. So ``V(s) = mean_a V(s')``, and ``P_F(s'|s) = V(s') / sum V(s'')`` over all
    legal actions.

    Two losses, from [B, T, A]: evaluation, of log F alone: ``(log g(s) F(s) - log mean_a g(s') Fbar(s'))^2`` with Fbar
    of the target network; extraction, of P_F alone: the cross-entropy of P_F to ``V(s') / sum V(s'')`` less its
    entropy.

    The paper regresses V itself. Here log V is regressed: V spans many orders of magnitude, so that squares of V see
    nothing but the states near the source, while g is a product that leaves the range of floats. The fixed point is the
    same *because* the mean over actions is taken over all of them; of one sampled action the log would be biased.

    V is a function of the state only where g is, so a run is refused where g depends on the path: on most graphs with
    several ways to a state, such as a hypergrid of more than one dimension; trees and strings pass. Every child of
    every visited state is evaluated: for small action spaces. Needs the reward of every visited state that may stop,
    which costs reward calls except where only finished objects may stop. P_B must be uniform (any other
    is refused) and gets no gradient.

    Behaviour in the paper is the uniform policy: ``data=uniform``. Means over actions are exact here, so any policy
    with full support is valid.

    Args:
        reduction: "transition": the mean over all visited states; "trajectory": the mean over trajectories of sums.

    Reference: He et al. 2025, arXiv 2406.02213 (RPE). Pinned by tests/objectives/test_rpe.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (
        LogFlow,
        LogPFAll,
        LogChildren,
        LogPathFactor,
        LogChildFactor,
        LogRewardState,
    )
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "flow"})
    learns_flow: ClassVar[bool] = True
    reference: ClassVar[str] = "He et al. 2025, arXiv 2406.02213 (RPE)"
    bootstraps: ClassVar[bool] = True
    target = TargetNetwork(rate=0.25, every=1)
    needs_path_independence: ClassVar[bool] = True
    needs_uniform_backward: ClassVar[bool] = True
    separate = frozenset({"flow"})

    def __init__(self, *, reduction: Reduction = "transition") -> None:
        self.reduction: Reduction = reduction

    def log_next_values(self, evaluated: Evaluated) -> tuple[Tensor, Tensor]:
        """log V of what every action leads to [B, T, A], -inf where illegal, and log A(s) [B, T]; no gradient."""
        legal = evaluated[LogPFAll].detach().isfinite()
        below = evaluated[LogChildren]
        n_actions = legal.sum(-1).clamp(min=1).to(below.dtype).log()
        at_exit = evaluated[LogRewardState] + evaluated[LogPathFactor] + n_actions
        leads_on = below.isfinite()
        on = below + evaluated[LogChildFactor]
        out = torch.where(leads_on, on, torch.where(legal, at_exit[..., None], -torch.inf))
        return out.detach(), n_actions

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        following, n_actions = self.log_next_values(evaluated)
        following = torch.where(
            evaluated.mask[..., None], following, 0.0
        )  # all -inf on pads, whose logsumexp is no number
        value = evaluated[LogPathFactor] + evaluated[LogFlow]
        error = (value - (following.logsumexp(-1) - n_actions)) * evaluated.mask
        log_q = following.log_softmax(-1)
        there = log_q.isfinite() & evaluated.mask[..., None]
        gap = torch.where(there, log_q, 0.0) - torch.where(there, evaluated[LogPFAll], 0.0)
        divergence = (log_q.exp() * gap).sum(-1) * evaluated.mask
        over = evaluated.mask, self.reduction, evaluated.union
        return ObjectiveOutput(
            losses={
                "evaluation": Loss(mean(error.square(), *over), frozenset({"flow"})),
                "extraction": Loss(mean(divergence, *over), frozenset({"forward"})),
            },
            metrics={"log_z": evaluated[LogFlow][:, 0].detach().mean()},
        )
