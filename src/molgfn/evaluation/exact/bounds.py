"""ELBO and EUBO of a sampler exactly, over spaces that can be listed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.enumeration import StateGraph
from molgfn.errors import ContractError
from molgfn.evaluation.exact.answers import ExactTarget, edge_log_probs, solve_flows
from molgfn.evaluation.exact.layers import Layers
from molgfn.policies.base import Policy


@dataclass(frozen=True)
class Bounds:
    """Bounds on log Z = log sum of R that a sampler gives, in nats.

    Attributes:
        elbo: E_{P_F}[log R(x) + log P_B(tau|x) - log P_F(tau)] = log Z - KL(P_F || P_B R / Z).
        eubo: the same mean over tau ~ P_B R / Z: log Z + KL(P_B R / Z || P_F); infinite where P_F leaves out a way.
    """

    elbo: float
    eubo: float


def exact_bounds(policy: Policy, target: ExactTarget, *, batch: int = 4096) -> Bounds:
    """Both, by dynamic programming: the divergences are sums over edges of how often each is taken.

    With the flows that match the target under this P_B, log P_F* - log P_F of an edge is what it adds to the log ratio
    of the two distributions over trajectories; P_F* takes it with probability flow / Z, P_F with that of its own reach.

    Args:
        policy: P_F and P_B, evaluated without gradient.
        target: the listed space.
        batch: states in one call of the policy.

    Reference:
        Malkin et al., arXiv 2210.00580 (ELBO); Blessing et al., "Beyond ELBOs", arXiv 2406.07423 (EUBO).
    """
    graph = target.graph
    log_pf, log_stop = edge_log_probs(policy, graph, batch=batch)
    flows = solve_flows(graph, target.log_target, log_pb=edge_log_pb(policy, graph, batch=batch))
    layers = Layers(graph)
    steps, stops = flows.log_pf - log_pf, flows.log_stop - log_stop

    def mean(log_step: Tensor, log_exit: Tensor) -> float:
        """Of log P_F* - log P_F over trajectories of the one of both whose log probabilities are given."""
        reach = layers.reach(log_step)
        taken, ended = (reach[graph.source] + log_step).exp(), (reach + log_exit).exp()
        return _sum(taken, steps) + _sum(ended, stops)

    return Bounds(flows.log_z + mean(log_pf, log_stop), flows.log_z + mean(flows.log_pf, flows.log_stop))


@torch.no_grad()
def edge_log_pb(policy: Policy, graph: StateGraph, *, batch: int = 4096) -> Tensor:
    """Log P_B of every edge, at the state that it leads to, float64 [E] on the CPU."""
    out = torch.empty(len(graph.target), dtype=torch.float64)
    for some in torch.arange(len(graph.target)).split(batch):
        # the state that the step led to; the one that is listed may be another of its class
        before, action = graph.states[graph.source[some]].to(policy.device), graph.action[some].to(policy.device)
        states = policy.environment.step(before, action)
        distribution = policy(states, forward=False, backward=True).backward
        if distribution is None:
            raise ContractError(f"{type(policy).__name__} returned no backward distribution, but was asked for it")
        out[some] = distribution.log_prob(graph.backward_action[some].to(policy.device)).double().cpu()
    return out


def _sum(p: Tensor, terms: Tensor) -> float:
    """Sum of p times terms; what has probability 0 adds 0, whatever its term."""
    return float(torch.where(p > 0, p * terms, torch.zeros_like(p)).sum())
