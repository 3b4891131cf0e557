"""The one place that evaluates a policy on stored trajectories."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from molgfn.environments.hashing import hash_rows
from molgfn.policies.base import Policy
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.kept import Kept
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Anchor, Head, Networks
from molgfn.trajectories.union import WHOLE, Union

_FORWARD = Head("forward")


def evaluate(
    trajectories: Trajectories,
    policy: Policy,
    *,
    quantities: Iterable[type[Quantity]],
    joint: bool = False,
    networks: Networks | None = None,
    anchor: Anchor | None = None,
    needs_log_pf: bool = True,
    kept: Kept | None = None,
    union: Union = WHOLE,
) -> Evaluated:
    """Everything that ``quantities`` lists, under the present parameters, in one flat pass over all states.

    Args:
        trajectories: with rewards (``log_reward`` is there).
        policy: evaluated at every state, for the heads that are read; for none where none is.
        quantities: what is computed, in this order.
        joint: the gradient of ``LogPB`` reaches P_B; otherwise it is a constant.
        networks: target and further networks; None for none.
        anchor: what divergences are measured from; None: the policy as it is, from which they are 0.
        needs_log_pf: evaluate P_F; without it ``log_pf`` is all 0.
        kept: what the policy computed when it drew them, which is then not computed again.
        union: the batch of all processes, of which these trajectories are this one's share.
    """
    return evaluate_and_anchor(
        trajectories,
        policy,
        quantities=quantities,
        joint=joint,
        networks=networks,
        anchor=anchor,
        needs_log_pf=needs_log_pf,
        keep=False,
        kept=kept,
        union=union,
    )[0]


def evaluate_and_anchor(
    trajectories: Trajectories,
    policy: Policy,
    *,
    quantities: Iterable[type[Quantity]],
    joint: bool = False,
    networks: Networks | None = None,
    anchor: Anchor | None = None,
    needs_log_pf: bool = True,
    keep: bool = True,
    kept: Kept | None = None,
    union: Union = WHOLE,
) -> tuple[Evaluated, Anchor | None]:
    """As ``evaluate``; with ``keep`` also P_F as it is now, for later steps to be measured from."""
    t, listed = trajectories, tuple(dict.fromkeys(quantities))
    heads = [head for quantity in listed for head in quantity.reads]
    evaluation = Evaluation(
        t,
        policy,
        networks or Networks(),
        [*heads, *([_FORWARD] if needs_log_pf else ())],
        joint=joint,
        anchor=anchor,
        kept=kept,
    )
    padded: dict[tuple[int, float], tuple[Tensor, Tensor]] = {}
    values = {quantity: _values(evaluation, quantity, padded) for quantity in listed}
    if needs_log_pf:  # last: what the quantities have evaluated of P_F is not evaluated again
        log_pf = evaluation.forward().log_prob(t.actions)
    else:
        log_pf = torch.zeros(len(t.actions), dtype=policy.dtype, device=t.actions.device)
    evaluated = Evaluated(
        mask=t.pad(torch.ones_like(t.step, dtype=torch.bool), False),
        is_exit=t.pad(evaluation.exits, False),
        log_pf=t.pad(log_pf),
        log_reward=t.log_target.to(policy.dtype),
        values=values,
        groups=_groups(t, policy),
        union=union,
    )
    return evaluated, Anchor(evaluation.forward().frozen()) if keep and needs_log_pf else None


def evaluate_backward(
    trajectories: Trajectories,
    policy: Policy,
    *,
    quantities: Iterable[type[Quantity]] = (LogPB,),
    networks: Networks | None = None,
    union: Union = WHOLE,
) -> Evaluated:
    """What an objective that trains P_B alone reads: ``LogPB`` has its gradient, P_F is a constant, ``log_pf`` all 0.

    Args:
        trajectories: with rewards.
        policy: evaluated at every state.
        quantities: of ``BackwardPolicyTraining.quantities``.
        networks: with the networks of P_B's training, and a guide where there is one.
        union: as of ``evaluate``.
    """
    return evaluate(
        trajectories,
        policy,
        quantities=quantities,
        joint=True,
        networks=networks,
        needs_log_pf=False,
        union=union,
    )


def _groups(trajectories: Trajectories, policy: Policy) -> Tensor | None:
    """int64 [B], a number for the condition of each: a hash of it, which all processes compute alike."""
    if not policy.environment.condition_size:
        return None
    environment, terminal = policy.environment, trajectories.terminal
    raw = list(environment.condition_values(terminal).values())
    # an environment of one's own may have no raw numbers beside what a policy reads
    values: Tensor = torch.stack(raw, 1) if raw else environment.condition(terminal)  # type: ignore[assignment]
    rows = values.double().contiguous() + 0.0  # so that 0 and -0 are the same
    return hash_rows(rows.view(torch.int64))


def _values(
    evaluation: Evaluation, quantity: type[Quantity], padded: dict[tuple[int, float], tuple[Tensor, Tensor]]
) -> Tensor:
    """The values of one quantity as objectives read them; two quantities that are one tensor are padded once.

    ``padded`` holds what was padded before: (id of the tensor, padding) -> (the tensor, which so stays, padded).
    """
    flat = quantity.compute(evaluation)
    if not quantity.per_step:
        return flat
    key = id(flat), quantity.padding
    if key not in padded:
        padded[key] = flat, evaluation.trajectories.pad(flat, quantity.padding)
    return padded[key][1]
