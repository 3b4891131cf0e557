"""The one place that evaluates a policy on stored trajectories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from molgfn.errors import ContractError
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.distributions import ActionDistribution, HasEntropy, HasKL, require
from molgfn.trajectories import edges, values
from molgfn.trajectories.batch import Scored, Trajectories

_BACKWARD = frozenset({"log_pb"})
_TARGET = frozenset({"target_log_flow", "target_log_pf"})
_OF_FORWARD = frozenset({"entropy", "log_pf_exit", "kl", "kl_old", "children", "q"})


@dataclass(frozen=True)
class Networks:
    """What scoring reads beside the policy that trains.

    Attributes:
        target: the copy that follows the policy (``Objective.target``); None for none.
        backward: the policy whose P_B is read; None takes the one that trains.
        auxiliaries: further networks by the name of ``objectives.base.AUXILIARIES``.
        auxiliary_targets: the copies that follow them.
        log_guide: [S], what takes P_B's place together with it, see ``share``.
        share: of log P_B; the rest is ``log_guide``.
    """

    target: Policy | None = None
    backward: Policy | None = None
    auxiliaries: Mapping[str, Policy] = field(default_factory=dict)
    auxiliary_targets: Mapping[str, Policy] = field(default_factory=dict)
    log_guide: Tensor | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Anchor:
    """P_F at the start of an iteration, at all S states, without gradient."""

    forward: ActionDistribution


def score(
    trajectories: Trajectories,
    policy: Policy,
    *,
    requires: frozenset[str],
    joint: bool = False,
    networks: Networks | None = None,
    anchor: Anchor | None = None,
    needs_log_pf: bool = True,
) -> Scored:
    """Everything that ``requires`` names, under the present parameters, in one flat pass over all states.

    Args:
        trajectories: scored by a reward (``log_reward`` is there).
        policy: evaluated at every state.
        requires: fields of ``Scored`` (see ``objectives.base.REQUIREMENTS``). Where there is a target network,
            ``log_flow`` brings ``target_log_flow`` along.
        joint: the gradient of ``log_pb`` reaches P_B; otherwise ``log_pb`` is a constant.
        networks: target and further networks; None for none.
        anchor: what ``kl`` and ``kl_old`` are measured from; None: the policy as it is, from which both are 0.
        needs_log_pf: evaluate P_F; without it ``log_pf`` is all 0.

    Returns:
        Padded [B, T] fields; see ``Scored``.
    """
    return score_and_anchor(
        trajectories,
        policy,
        requires=requires,
        joint=joint,
        networks=networks,
        anchor=anchor,
        needs_log_pf=needs_log_pf,
        keep=False,
    )[0]


def score_and_anchor(
    trajectories: Trajectories,
    policy: Policy,
    *,
    requires: frozenset[str],
    joint: bool = False,
    networks: Networks | None = None,
    anchor: Anchor | None = None,
    needs_log_pf: bool = True,
    keep: bool = True,
) -> tuple[Scored, Anchor | None]:
    """As ``score``; with ``keep`` also P_F as it is now, for later steps to be measured from."""
    t, nets = trajectories, networks or Networks()
    if nets.target is not None and "log_flow" in requires:  # for whoever reads the flow of the next state
        requires = requires | {"target_log_flow"}
    own_backward = nets.backward is None
    trained_here = own_backward and (joint or not policy.learned_backward)
    wants_flow = bool(requires & {"log_flow", "log_inflow"})
    wants_backward = "log_pb" in requires and trained_here
    out = PolicyOutput()
    if needs_log_pf or wants_backward or wants_flow:  # a step on log Z alone needs no network
        out = policy(t.states, forward=needs_log_pf, backward=wants_backward, flow=wants_flow)
    fields: dict[str, Tensor] = {}
    forward = out.forward
    if "log_pb" in requires:
        fields["log_pb"] = t.pad(_log_pb(t, out.backward, policy, nets))
    if out.log_flow is not None:
        fields["log_flow"] = t.pad(out.log_flow)
    log_pf = torch.zeros(len(t.actions), dtype=policy.dtype, device=t.actions.device)
    if forward is not None:
        fields |= _of_forward(t, policy, forward, nets, anchor, requires)
        log_pf = forward.log_prob(t.actions)  # last: what the rest has evaluated is not evaluated again
    elif asked := sorted(requires & _OF_FORWARD):
        raise ContractError(f"{', '.join(asked)}: read from P_F, which was not asked for")
    if "log_reward_state" in requires:
        if t.log_reward_state is None:
            raise ContractError("the rewards of states on the way were not asked for when the batch was drawn")
        fields["log_reward_state"] = t.pad(t.log_reward_state.to(policy.dtype))
    if "log_inflow" in requires:
        fields["log_inflow"] = t.pad(edges.log_inflow(t, policy))
    if requires & _TARGET:
        fields |= _from_target(t, nets.target or policy, requires)
    if "log_z" in requires:
        fields["log_z"] = policy.log_z_of(t.terminal).to(policy.dtype)
    scored = Scored(**{**_frame(t, policy), "log_pf": t.pad(log_pf), **fields})
    return scored, Anchor(forward.frozen()) if keep and forward is not None else None


def _log_pb(t: Trajectories, backward: ActionDistribution | None, policy: Policy, nets: Networks) -> Tensor:
    """log P_B of each step as the forward objective reads it, [S]; ``backward`` is None where it is a constant here."""
    if backward is None:
        with torch.no_grad():
            backward = (nets.backward or policy)(t.states, forward=False, backward=True).backward
    log_pb = backward_log_prob(t, backward)
    if nets.log_guide is None:
        return log_pb
    return nets.share * log_pb + (1 - nets.share) * nets.log_guide.to(log_pb.dtype)


def _of_forward(
    t: Trajectories,
    policy: Policy,
    forward: ActionDistribution,
    nets: Networks,
    anchor: Anchor | None,
    requires: frozenset[str],
) -> dict[str, Tensor]:
    """The fields of ``_OF_FORWARD``, read from P_F at all states."""
    fields: dict[str, Tensor] = {}
    if "entropy" in requires:
        fields["entropy"] = t.pad(require(forward, HasEntropy, "entropy").entropy())
    if "log_pf_exit" in requires:
        stop = policy.environment.exit_action(t.states)
        fields["log_pf_exit"] = t.pad(forward.log_prob(stop))
        fields["can_stop"] = t.pad(policy.environment.stop_mask(t.states), False)
    if requires & {"kl", "kl_old"}:
        fields |= _divergences(t, forward, anchor, requires, policy.dtype)
    if "children" in requires:
        fields |= edges.children(t, forward, nets.target or policy)
    if "q" in requires:
        fields |= values.action_values(t, forward, nets.auxiliaries, nets.auxiliary_targets)
    return fields


def score_backward(
    trajectories: Trajectories,
    policy: Policy,
    *,
    requires: frozenset[str] = _BACKWARD,
    networks: Networks | None = None,
) -> Scored:
    """log P_B with its gradient: what an objective that trains P_B alone reads.

    Args:
        trajectories: scored.
        policy: evaluated at every state.
        requires: of ``BackwardPolicyTraining.requires``; log P_F comes without gradient, and is all zero when it was
            not asked for.
        networks: with ``auxiliaries`` for ``value_backward`` and ``log_paths``, ``log_guide`` for ``log_guide``.
    """
    t, nets = trajectories, networks or Networks()
    log_pb = t.pad(backward_log_prob(t, policy(t.states, forward=False, backward=True).backward))
    fields: dict[str, Tensor] = {}
    log_pf = torch.zeros_like(log_pb)
    if "log_pf" in requires:
        with torch.no_grad():
            log_pf = t.pad(policy(t.states).forward.log_prob(t.actions))
    if "log_guide" in requires:
        if nets.log_guide is None:
            raise ContractError("log_guide was asked for, but there is no guide")
        fields["log_guide"] = t.pad(nets.log_guide.to(log_pb.dtype))
    for name in requires & {"value_backward", "log_paths"}:
        fields[name] = t.pad(nets.auxiliaries[name](t.states, forward=False, flow=True).log_flow)  # type: ignore[arg-type]
    return Scored(**_frame(t, policy), log_pf=log_pf, log_pb=log_pb, **fields)


def _frame(t: Trajectories, policy: Policy) -> dict[str, Tensor]:
    """What does not depend on any probability: which steps are there, which are exits, and log R'(x)."""
    return {
        "mask": t.pad(torch.ones_like(t.exits), False),
        "is_exit": t.pad(t.exits, False),
        "log_reward": t.log_target.to(policy.dtype),
    }


def backward_log_prob(t: Trajectories, backward) -> Tensor:
    """log P_B(s_t | s_{t+1}) at the row of s_t, [S]; 0 at exits. The state s_{t+1} is the next row."""
    undoing = t.backward_actions.roll(1, 0)  # at the row of s_{t+1}: the action that leads back to s_t
    first = (t.step == 0).view(-1, *[1] * (undoing.dim() - 1))
    log_p = backward.log_prob(undoing.masked_fill(first, 0)).roll(-1)
    return torch.where(t.exits, torch.zeros_like(log_p), log_p)


def _divergences(
    t: Trajectories, forward: ActionDistribution, anchor: Anchor | None, requires: frozenset[str], dtype: torch.dtype
) -> dict[str, Tensor]:
    """Exact KL both ways. At the anchor itself both are 0 with zero gradient, so nothing is computed."""
    if anchor is None:
        zero = t.pad(torch.zeros(len(t.actions), dtype=dtype, device=t.actions.device))
        return dict.fromkeys(requires & {"kl", "kl_old"}, zero)
    fields = {}
    new, old = require(forward, HasKL, "kl"), require(anchor.forward, HasKL, "kl")
    if "kl" in requires:
        fields["kl"] = t.pad(new.kl(old))
    if "kl_old" in requires:
        fields["kl_old"] = t.pad(old.kl(new))
    return fields


@torch.no_grad()
def _from_target(t: Trajectories, target: Policy, requires: frozenset[str]) -> dict[str, Tensor]:
    out = target(t.states, forward="target_log_pf" in requires, flow="target_log_flow" in requires)
    fields = {}
    if out.log_flow is not None:
        fields["target_log_flow"] = t.pad(out.log_flow)
    if out.forward is not None:
        fields["target_log_pf"] = t.pad(out.forward.log_prob(t.actions))
    return fields
