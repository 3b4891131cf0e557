"""States as the graphs that a graph policy reads, of fixed shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.environments.graphs import GraphBatch, GraphSpec
from molgfn.gym.observations.base import Observation, array


class Graph(Observation):
    """``environment.encode`` with one row for each of at most N nodes, and a matrix for what is between two of them.

    * ``nodes``: int64 [N], 1 + type, 0 where there is no node; nodes stand at their slots.
    * ``used``: float32 [N, P], 1 at the places of a node where an edge ends; where nodes have places.
    * ``edges``: int64 [N, N], 1 + type of the edge between two nodes, 0 for none; symmetric.
    * ``ends``: int64 [N, N], 1 + label of the edge's end at the node of the row; where nodes have places.
    * ``relations``: int64 [N, N P], 1 + relation of that end to each place of its node (place fastest); where nodes
      have places. With it two states look the same only where they are.
    * ``node_features`` float32 [N, f], ``edge_features`` float32 [N, N e], ``condition`` float32 [c]: where there are.

    No part has three axes, which Stable-Baselines3 would take for a picture.
    """

    space: spaces.Dict

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._spec: GraphSpec = environment.spec  # type: ignore[attr-defined]
        first = environment.encode(environment.initial(1))
        self._places = int(first.node_labels.shape[1])
        spec, n, p = self._spec, self._spec.max_nodes, self._places

        def whole(most: int, *shape: int) -> spaces.Box:
            return spaces.Box(0, most, shape, np.int64)

        def real(*shape: int) -> spaces.Box:
            return spaces.Box(-np.inf, np.inf, shape, np.float32)

        parts: dict[str, Any] = {
            "nodes": whole(spec.node_types, n),
            "edges": whole(max(spec.edge_types, 1), n, n),
        }
        if p:
            parts["used"] = spaces.Box(0.0, 1.0, (n, p), np.float32)
            parts["ends"] = whole(spec.labels, n, n)
            parts["relations"] = whole(spec.relations, n, n * p)
        if spec.node_features:
            parts["node_features"] = real(n, spec.node_features)
        if spec.edge_features:
            parts["edge_features"] = real(n, n * spec.edge_features)
        if spec.condition:
            parts["condition"] = real(spec.condition)
        self.space = spaces.Dict(parts)

    def __call__(self, states: States) -> dict[str, np.ndarray]:
        g: GraphBatch = self._environment.encode(states)
        b, n, spec = g.n_graphs, self._spec.max_nodes, self._spec
        at = g.node_graph, g.node_slot
        real = slice(None) if g.node_mask is None else g.node_mask
        there = slice(None) if g.edge_mask is None else g.edge_mask
        source, target = g.edge_index[:, there]
        between = g.node_graph[source], g.node_slot[source], g.node_slot[target]

        def nodes(values: Tensor, *shape: int) -> Tensor:
            return values.new_zeros(b, n, *shape).index_put((at[0][real], at[1][real]), values[real])

        def edges(values: Tensor, *shape: int) -> Tensor:
            return values.new_zeros(b, n, n, *shape).index_put(between, values[there])

        kind = torch.zeros_like(g.edge_index[0]) if g.edge_type is None else g.edge_type
        seen: dict[str, Any] = {"nodes": nodes(g.node_type + 1), "edges": edges(kind + 1)}
        if p := self._places:
            seen["used"] = nodes(g.node_used, p)
            seen["ends"] = edges(g.edge_labels[:, 0] + 1)
            seen["relations"] = edges(g.edge_relations[:, 0] + 1, p).flatten(2)
        if g.node_features is not None:
            seen["node_features"] = nodes(g.node_features, spec.node_features)
        if g.edge_features is not None:
            seen["edge_features"] = edges(g.edge_features, spec.edge_features).flatten(2)
        if g.condition is not None:
            seen["condition"] = g.condition
        return {name: array(value, self.space[name].dtype) for name, value in seen.items()}
