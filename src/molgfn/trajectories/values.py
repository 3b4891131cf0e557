"""Action values Q(s, a) of networks of their own, as soft actor-critic reads them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from molgfn.policies.base import Policy
from molgfn.policies.distributions import ActionDistribution, HasKL, HasMeanGap, require
from molgfn.trajectories.batch import Trajectories


def action_values(
    t: Trajectories, forward: ActionDistribution, critics: Mapping[str, Policy], targets: Mapping[str, Policy]
) -> dict[str, Tensor]:
    """``q_taken``, ``q_gap`` and ``q_value`` of ``Scored``.

    A critic is a network of the policy's kind, read as Q(s, a) = log_flow(s) + log P(a|s): any table of legal actions
    can be written so, with log_flow its soft maximum. With one critic the expectations are KL divergences and need
    nothing but ``kl``; with two the smaller value of each action is taken.
    """
    names = sorted(name for name in critics if name in {"q1", "q2"})
    outs = [critics[name](t.states, forward=True, flow=True) for name in names]
    taken = torch.stack([t.pad(o.log_flow + o.forward.log_prob(t.actions)) for o in outs], -1)
    with torch.no_grad():
        old = [targets.get(name, critics[name])(t.states, forward=True, flow=True) for name in names]
    if len(names) == 1:
        chosen = require(forward, HasKL, "q")
        gap = chosen.kl(outs[0].forward.frozen()) - outs[0].log_flow.detach()
        with torch.no_grad():
            value = old[0].log_flow - chosen.kl(old[0].forward)
    else:
        chosen = require(forward, HasMeanGap, "q")
        gap = chosen.mean_gap([(o.log_flow.detach(), o.forward.frozen()) for o in outs])
        with torch.no_grad():
            value = -chosen.mean_gap([(o.log_flow, o.forward) for o in old])
    return {"q_taken": taken, "q_gap": t.pad(gap), "q_value": t.pad(value)}
