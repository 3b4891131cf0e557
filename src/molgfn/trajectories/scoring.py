"""The one place that evaluates a policy on stored trajectories."""

from __future__ import annotations

import torch

from molgfn.policies.base import Policy
from molgfn.trajectories.batch import Scored, Trajectories


def score(trajectories: Trajectories, policy: Policy, *, requires: frozenset[str], joint: bool = False) -> Scored:
    """Everything that ``requires`` names, under the present parameters, in one flat pass over all states.

    Args:
        trajectories: scored by a reward (``log_reward`` is there).
        policy: evaluated at every state.
        requires: fields of ``Scored`` (see ``objectives.base.REQUIREMENTS``).
        joint: the gradient of ``log_pb`` reaches P_B; otherwise ``log_pb`` is a constant.

    Returns:
        Padded [B, T] fields; see ``Scored``.
    """
    t = trajectories
    need_pb = "log_pb" in requires
    out = policy(
        t.states, forward=True, backward=need_pb and (joint or not policy.learned_backward), flow="log_flow" in requires
    )
    forward, backward = out.forward, out.backward
    log_pb = entropy = log_pf_exit = None
    if need_pb:
        if backward is None:  # learned, but a constant here
            with torch.no_grad():
                backward = policy(t.states, forward=False, backward=True).backward
        log_pb = t.pad(_backward_log_prob(t, backward))
    if "entropy" in requires:
        entropy = t.pad(forward.entropy())
    if "log_pf_exit" in requires:
        stop = torch.full_like(t.actions, policy.environment.stop_action)
        log_pf_exit = t.pad(forward.log_prob(stop))
    return Scored(
        **_frame(t, policy),
        log_pf=t.pad(forward.log_prob(t.actions)),
        log_pb=log_pb,
        log_flow=t.pad(out.log_flow) if out.log_flow is not None else None,
        log_z=policy.log_z if "log_z" in requires else None,
        entropy=entropy,
        log_pf_exit=log_pf_exit,
    )


def score_backward(trajectories: Trajectories, policy: Policy) -> Scored:
    """log P_B only, with its gradient: what an objective that trains P_B alone reads (``log_pf`` is all zero)."""
    t = trajectories
    backward = policy(t.states, forward=False, backward=True).backward
    log_pb = t.pad(_backward_log_prob(t, backward))
    return Scored(**_frame(t, policy), log_pf=torch.zeros_like(log_pb), log_pb=log_pb)


def _frame(t: Trajectories, policy: Policy) -> dict[str, torch.Tensor]:
    """What does not depend on any probability: which steps are there, which are exits, and log R'(x)."""
    return {
        "mask": t.pad(torch.ones_like(t.actions, dtype=torch.bool), False),
        "is_exit": t.pad(t.backward_actions < 0, False),
        "log_reward": t.log_target.to(policy.log_z.dtype),
    }


def _backward_log_prob(t: Trajectories, backward) -> torch.Tensor:
    """log P_B(s_t | s_{t+1}) at the row of s_t, [S]; 0 at exits. The state s_{t+1} is the next row."""
    exits = t.backward_actions < 0
    undoing = t.backward_actions.roll(1)  # at the row of s_{t+1}: the action that leads back to s_t
    asked = torch.where(t.step > 0, undoing, 0)
    log_p = backward.log_prob(asked).roll(-1)
    return torch.where(exits, torch.zeros_like(log_p), log_p)
