"""Directed acyclic graphs, edge by edge: structures of Bayesian networks (Deleu et al. 2022, arXiv 2202.13903)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.actions import ListedActions
from molgfn.environments.base import States
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.hashing import hash_rows
from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.dag import DAG

#: labelled DAGs on n nodes (Robinson 1973; OEIS A003024)
COUNTS = (1, 1, 3, 25, 543, 29281, 3781503)


@dataclass(frozen=True)
class DAGStates(States):
    """``adjacency``: bool [B, n, n], True at (i, j) where an edge goes from i to j.

    ``reach``: bool [B, n, n], True at (i, j) where a path leads from i to j, every node reaching itself.
    """

    adjacency: Tensor
    reach: Tensor


class DAGs(ListedActions, Enumerable):
    """DAGs on n labelled nodes; the source has no edge, and every state may be a finished object.

    Forward action ``i * n + j`` adds the edge i -> j, which is legal unless it is there or j reaches i already; action
    ``n * n`` stops. Backward action ``i * n + j`` takes the edge away: what is left of a DAG is one. ``encode`` is the
    adjacency matrix, float [B, n * n]. Finished objects are bool [B, n, n].

    Args:
        nodes: n.
        max_parents: most parents of a node; None for no limit.
        max_edges: most edges; None for no limit.
    """

    kind: ClassVar[ObjectKind] = DAG
    encoding: ClassVar[str] = "vector"
    encoded_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    counts_paths = True

    def __init__(
        self,
        *,
        nodes: Annotated[int, Field(ge=2)] = 5,
        max_parents: Annotated[int, Field(ge=1)] | None = None,
        max_edges: Annotated[int, Field(ge=1)] | None = None,
    ) -> None:
        self.nodes = nodes
        self.max_parents = max_parents
        self.max_edges = max_edges
        self.n_actions = nodes * nodes + 1
        self.n_backward_actions = nodes * nodes
        self.stop_action = nodes * nodes
        parents = nodes - 1 if max_parents is None else min(max_parents, nodes - 1)
        most = sum(min(k, parents) for k in range(nodes))  # in the order of a full DAG
        self.max_steps = 1 + (most if max_edges is None else min(most, max_edges))
        self.stops_everywhere = True
        self.n_features = nodes * nodes

    def initial(self, n: int, device: torch.device | str = "cpu") -> DAGStates:
        eye = torch.eye(self.nodes, dtype=torch.bool, device=device)
        return DAGStates(torch.zeros_like(eye).repeat(n, 1, 1), eye.repeat(n, 1, 1))

    def _edge(self, actions: Tensor) -> Tensor:
        """bool [B, n, n], True at the edge that the action names (nowhere for stop)."""
        numbers = torch.arange(self.nodes * self.nodes, device=actions.device)
        return (actions[:, None] == numbers).view(-1, self.nodes, self.nodes)

    def step(self, states: DAGStates, actions: Tensor) -> DAGStates:
        edge = self._edge(actions)
        # what reaches i reaches all that j reaches
        before = (states.reach & edge.any(2)[:, None, :]).any(2)
        behind = (states.reach & edge.any(1)[:, :, None]).any(1)
        return DAGStates(states.adjacency | edge, states.reach | (before[:, :, None] & behind[:, None, :]))

    def undo(self, states: DAGStates, backward_actions: Tensor) -> DAGStates:
        adjacency = states.adjacency & ~self._edge(backward_actions)
        return DAGStates(adjacency, self._closure(adjacency))

    def _closure(self, adjacency: Tensor) -> Tensor:
        """``reach`` of ``adjacency``: paths of up to 2^k edges by k products of matrices."""
        eye = torch.eye(self.nodes, dtype=torch.bool, device=adjacency.device)
        reach = (adjacency | eye).to(torch.float32)
        for _ in range((self.nodes - 1).bit_length()):
            reach = (reach @ reach).clamp(max=1.0)
        return reach > 0.5

    def forward_mask(self, states: DAGStates) -> Tensor:
        legal = ~states.adjacency & ~states.reach.transpose(1, 2)
        if self.max_parents is not None:
            legal = legal & (states.adjacency.sum(1) < self.max_parents)[:, None, :]
        if self.max_edges is not None:
            legal = legal & (states.adjacency.sum((1, 2)) < self.max_edges)[:, None, None]
        return torch.constant_pad_nd(legal.flatten(1), (0, 1), True)  # stop is last, and always legal

    def backward_mask(self, states: DAGStates) -> Tensor:
        return states.adjacency.flatten(1)

    def backward_action(self, states: DAGStates, actions: Tensor, next_states: DAGStates) -> Tensor:
        return actions

    def forward_action(self, states: DAGStates, backward_actions: Tensor, previous: DAGStates) -> Tensor:
        return backward_actions

    def is_initial(self, states: DAGStates) -> Tensor:
        return ~states.adjacency.flatten(1).any(1)

    def stop_mask(self, states: DAGStates) -> Tensor:
        return torch.ones(len(states), dtype=torch.bool, device=states.device)

    def has_object(self, states: DAGStates) -> Tensor:
        return self.stop_mask(states)

    def encode(self, states: DAGStates) -> Tensor:
        return states.adjacency.flatten(1).to(torch.get_default_dtype())

    def objects(self, states: DAGStates) -> Tensor:
        return states.adjacency.cpu()

    def keys(self, states: DAGStates) -> Sequence[Hashable]:
        rows = states.adjacency.flatten(1).long()
        if rows.shape[1] >= 63:
            return [tuple(row) for row in rows.tolist()]
        return (rows << torch.arange(rows.shape[1], device=rows.device)).sum(1).tolist()  # one number is read faster

    def hashes(self, states: DAGStates) -> Tensor:
        return hash_rows(states.adjacency.flatten(1).long())

    def log_path_count(self, states: DAGStates) -> Tensor:
        return torch.lgamma(states.adjacency.sum((1, 2)).double() + 1)  # edges were added in any order

    def states_of(self, objects: Tensor) -> DAGStates:
        """States of DAGs, bool [B, n, n].

        Raises:
            DataError: another number of nodes, a circle, or more parents or edges than there may be.
        """
        adjacency = torch.as_tensor(objects).bool()
        if adjacency.dim() != 3 or tuple(adjacency.shape[1:]) != (self.nodes, self.nodes):
            raise DataError(f"DAGs of shape {list(adjacency.shape)}; with nodes={self.nodes} it is [B, n, n]")
        reach = self._closure(adjacency)
        wrong = {
            "its edges go round in a circle": (adjacency & reach.transpose(1, 2)).flatten(1).any(1),
            f"a node has more than max_parents={self.max_parents} parents": adjacency.sum(1).amax(1)
            > (self.nodes if self.max_parents is None else self.max_parents),
            f"it has more than max_edges={self.max_edges} edges": adjacency.sum((1, 2))
            > (self.nodes**2 if self.max_edges is None else self.max_edges),
        }
        for reason, rows in wrong.items():
            if rows.any():
                first = int(rows.nonzero()[0])
                raise DataError(f"DAG {first + 1} of {len(rows)} ({DAG.keys(adjacency[[first]])[0]}): {reason}")
        return DAGStates(adjacency, reach)

    def enumeration_unavailable_reason(self) -> str | None:
        if self.nodes < len(COUNTS) - 1:
            return None
        known = f"{COUNTS[self.nodes]:,}" if self.nodes < len(COUNTS) else "far more than a million"
        return f"there are {known} DAGs on {self.nodes} nodes; up to {len(COUNTS) - 2} nodes they are listed"
