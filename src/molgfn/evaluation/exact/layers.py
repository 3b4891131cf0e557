"""Dynamic programming over the edges of an enumerated DAG: one layer of states at a time, no loop over states.

Every edge leads to a greater depth, often to the next. Sums over edges are done in log space and float64, because flows
span hundreds of nats.
"""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.enumeration import StateGraph
from molgfn.networks.segments import segment_logsumexp


class Layers:
    """The edges of a graph in the order in which a recursion forward or backward needs them."""

    def __init__(self, graph: StateGraph) -> None:
        self._size = len(graph)
        self._forward = _Groups(graph.depth, owner=graph.target, other=graph.source, ascending=True)
        self._backward = _Groups(graph.depth, owner=graph.source, other=graph.target, ascending=False)

    def reach(self, log_pf: Tensor, start: int = 0) -> Tensor:
        """Log probability [M] that a trajectory from state ``start`` passes through each state, given log P_F [E]."""
        out = torch.full((self._size,), -torch.inf, dtype=torch.float64)
        out[start] = 0.0
        return self._forward.run(out, log_pf)

    def flows(self, log_pb: Tensor, log_exit: Tensor) -> Tensor:
        """Log G [M], G(s) = exit(s) + sum over edges s -> s' of G(s') P_B(edge | s'), from log P_B [E] and log exit."""
        return self._backward.run(log_exit.double().clone(), log_pb)


class _Groups:
    """Edges grouped by the depth of the state that owns the sum, then by that state."""

    def __init__(self, depth: Tensor, *, owner: Tensor, other: Tensor, ascending: bool) -> None:
        rank = depth[owner] if ascending else -depth[owner]
        by_owner = torch.argsort(owner, stable=True)
        self._order = by_owner[torch.argsort(rank[by_owner], stable=True)]
        owners, segment = torch.unique_consecutive(owner[self._order], return_inverse=True)
        self._owners, self._segment, self._other = owners, segment, other[self._order]
        edges = torch.unique_consecutive(rank[self._order], return_counts=True)[1].cumsum(0).tolist()
        states = torch.unique_consecutive(depth[owners], return_counts=True)[1].cumsum(0).tolist()
        self._slices = list(zip([0, *edges[:-1]], edges, [0, *states[:-1]], states, strict=False)) if edges else []

    def run(self, out: Tensor, log_weight: Tensor) -> Tensor:
        """``out[owner] += sum over its edges of out[other] * weight``, in log space, depth by depth; in place."""
        weight = log_weight.double()[self._order]
        for lo, hi, first, last in self._slices:
            terms = out[self._other[lo:hi]] + weight[lo:hi]
            total = segment_logsumexp(terms, self._segment[lo:hi] - first, last - first)
            owners = self._owners[first:last]
            out[owners] = torch.logaddexp(out[owners], total)
        return out
