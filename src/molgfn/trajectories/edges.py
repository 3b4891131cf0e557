"""What scoring reads from the neighbours of states: flow from all parents, flow of all children."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.actions import listed
from molgfn.environments.enumerable import enumerable
from molgfn.networks.segments import segment_logsumexp
from molgfn.policies.base import Policy
from molgfn.policies.distributions import ActionDistribution, HasTable, require
from molgfn.trajectories.batch import Trajectories


def log_inflow(t: Trajectories, policy: Policy) -> Tensor:
    """log sum over legal backward actions of F(parent) P_F(action | parent), [S]; 0 at the source.

    Edges are counted as P_B counts them, one for each backward action (spec of the flow-matching condition: Bengio et
    al. 2021, arXiv 2106.04399, equation 9).
    """
    environment = enumerable(policy.environment, "the flow from all parents")
    row, back = environment.legal_backward_actions(t.states)
    after = t.states[row]
    parents = environment.undo(after, back)
    actions = environment.forward_action(after, back, parents)
    out = policy(parents, forward=True, flow=True)
    edge = out.log_flow + out.forward.log_prob(actions)  # type: ignore[operator, union-attr]
    inflow = segment_logsumexp(edge, row, len(t.actions))
    return torch.where(t.step == 0, torch.zeros_like(inflow), inflow)


def children(t: Trajectories, forward: ActionDistribution, policy: Policy) -> dict[str, Tensor]:
    """``log_pf_all``, ``log_children``, ``log_path_factor`` and ``log_child_factor`` of ``Scored``.

    Evaluates the flow of every child of every state: for small action spaces.
    """
    environment = listed(policy.environment, "a table of all children")
    log_pf_all = require(forward, HasTable, "children").log_probs()
    mask = environment.forward_mask(t.states)
    n_actions = mask.sum(1)
    n_parents = environment.backward_mask(t.states).sum(1)
    # log g(s_t): the sum over earlier steps of log A(s_i) - log B(s_{i+1})
    dtype = policy.dtype
    gain = n_actions.to(dtype).log()
    loss = torch.where(t.step > 0, n_parents, 1).to(dtype).log()
    padded = torch.nn.functional.pad(t.pad(gain).cumsum(1), (1, -1))  # sum over i < t
    log_g = padded - t.pad(loss).cumsum(1)
    follows = mask.clone()
    follows[:, environment.stop_action] = False
    row, action = follows.nonzero(as_tuple=True)
    below = environment.step(t.states[row], action)
    with torch.no_grad():
        flow = policy(below, forward=False, flow=True).log_flow
    table = torch.full(mask.shape, -torch.inf, dtype=dtype, device=mask.device)
    log_children = table.index_put((row, action), flow.to(dtype))  # type: ignore[union-attr]
    flat_g = log_g[t.trajectory, t.step]
    parents_below = environment.backward_mask(below).sum(1).to(dtype).log()
    factor = table.index_put((row, action), flat_g[row] + gain[row] - parents_below)
    return {
        "log_pf_all": t.pad(log_pf_all, -torch.inf),
        "log_children": t.pad(log_children, -torch.inf),
        "log_path_factor": torch.where(t.pad(torch.ones_like(t.step, dtype=torch.bool), False), log_g, 0.0),
        "log_child_factor": t.pad(factor, -torch.inf),
    }
