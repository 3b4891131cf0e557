"""What an error at one edge of the state graph costs, exactly: total variation by dynamic programming."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.enumeration import StateGraph
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import ExactTarget
from molgfn.evaluation.exact.distances.total_variation import total_variation
from molgfn.evaluation.exact.layers import Layers


@dataclass(frozen=True)
class EdgeNoise:
    """Total variation after the flow of one edge was made wrong.

    Attributes:
        edges: int64 [n], which edges of the graph.
        depth: int64 [n], of the state that each leaves, 0 at the source.
        tv: float64 [n], total variation over objects from what the sampler was before.
    """

    edges: Tensor
    depth: Tensor
    tv: Tensor

    def by_depth(self) -> dict[int, tuple[int, float, float, float]]:
        """Depth -> how many edges, and mean, least and largest TV of them."""
        of = {d: self.tv[self.depth == d] for d in self.depth.unique().tolist()}
        return {d: (len(x), float(x.mean()), float(x.min()), float(x.max())) for d, x in of.items()}


def with_edge_noise(
    graph: StateGraph, log_pf: Tensor, log_stop: Tensor, edge: int, noise: float
) -> tuple[Tensor, Tensor]:
    """P_F where the flow of one edge is exp(noise) times what it was: the other actions of its state get what is left.

    Args:
        graph: all states and edges.
        log_pf: log P_F of every edge, float64 [E].
        log_stop: log P_F of the exit of every state, float64 [M].
        edge: index of the edge.
        noise: added to its log flow, in nats.

    Returns:
        Both, new.
    """
    log_pf, log_stop = log_pf.clone(), log_stop.clone()
    log_pf[edge] += noise
    state = int(graph.source[edge])
    there = (graph.source == state).nonzero().squeeze(1)
    total = torch.logsumexp(torch.cat([log_pf[there], log_stop[state : state + 1]]), 0)
    log_pf[there] -= total
    log_stop[state] -= total
    return log_pf, log_stop


def edge_noise(
    target: ExactTarget, log_pf: Tensor, log_stop: Tensor, *, noise: float, most: int | None = None, seed: int = 0
) -> EdgeNoise:
    """Total variation that noise on a single edge causes, for each edge in turn.

    The change of P_F at state s reaches an object only through s, with probability reach(s): mistakes near the root are
    in the way of more of the mass. Edges that are the only way out of their state cannot be wrong, and are left out.

    Args:
        target: the listed space.
        log_pf: log P_F of every edge, float64 [E], such as ``ExactFlows.log_pf``, which is the target's own.
        log_stop: log P_F of the exit of every state, float64 [M].
        noise: added to the log flow of the edge, in nats, not 0.
        most: edges of each depth, drawn at random; None for all.
        seed: of that draw.

    Raises:
        ConfigError: no state has two ways out, or ``noise`` is 0.

    Reference: Silva et al., "When do GFlowNets learn the right distribution?", arXiv 2411.05899.
    """
    if noise == 0:
        raise ConfigError("noise: 0 changes nothing; give a number of nats")
    graph, layers = target.graph, Layers(target.graph)
    ways = torch.bincount(graph.source, minlength=len(graph)) + graph.can_stop.long()
    depth = graph.depth[graph.source]
    edges = (ways[graph.source] > 1).nonzero().squeeze(1)
    if not len(edges):
        raise ConfigError("noise: no state has two ways out, so no edge can have a wrong probability")
    if most is not None:
        generator = torch.Generator().manual_seed(seed)
        edges = edges[torch.randperm(len(edges), generator=generator)]
        parts = [edges[depth[edges] == d][:most] for d in depth[edges].unique().tolist()]
        edges = torch.cat(parts)
    before = target.by_object(layers.reach(log_pf) + log_stop)
    found = []
    for edge in edges.tolist():
        steps, stops = with_edge_noise(graph, log_pf, log_stop, edge, noise)
        found.append(total_variation(target.by_object(layers.reach(steps) + stops), before))
    return EdgeNoise(edges, depth[edges], torch.tensor(found, dtype=torch.float64))
