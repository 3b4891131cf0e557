"""Graphs of a single environment as instances of Gymnasium's own ``Graph`` space."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from molgfn.errors import ConfigError


class GraphSpace(gymnasium.ObservationWrapper[Any, Any, Any]):
    """What ``observation="graph"`` shows as ``GraphInstance``s, of as many nodes as there are.

    ``nodes`` float32 [n, 1 + f]: type, counted from 0, then node features; of the empty graph one node of type -1.
    ``edges`` int64 [E], types from 0; ``edge_links`` [E, 2], both directions of each. Labels of places, a condition and
    features of edges are not in it, so use it where there are none, or with the ``Dict`` beside it.

    Args:
        env: made with ``observation="graph"``.

    Raises:
        ConfigError: it shows something else.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        inner = env.observation_space
        if not isinstance(inner, spaces.Dict) or not {"nodes", "edges"} <= inner.spaces.keys():
            raise ConfigError("GraphSpace: wraps an environment that was made with observation=graph")
        nodes, features = inner["nodes"], inner.spaces.get("node_features")
        more = 0 if features is None else features.shape[1]  # type: ignore[index]
        low, high = np.full(1 + more, -np.inf, np.float32), np.full(1 + more, np.inf, np.float32)
        low[0], high[0] = -1, int(nodes.high[0]) - 1  # type: ignore[attr-defined]
        self.observation_space = spaces.Graph(
            node_space=spaces.Box(low, high, dtype=np.float32),
            edge_space=spaces.Discrete(int(inner["edges"].high.flat[0])),  # type: ignore[attr-defined]
        )

    def observation(self, observation: dict[str, np.ndarray]) -> spaces.GraphInstance:
        there = np.flatnonzero(observation["nodes"])
        kinds = observation["nodes"][there, None].astype(np.float32) - 1
        more = observation.get("node_features")
        nodes = kinds if more is None else np.concatenate([kinds, more[there]], 1).astype(np.float32)
        if not len(there):
            width = 1 if more is None else 1 + more.shape[1]
            nodes = np.concatenate([[-1.0], np.zeros(width - 1)])[None].astype(np.float32)
        between = observation["edges"][np.ix_(there, there)]
        links = np.argwhere(between)
        if not len(links):
            return spaces.GraphInstance(nodes=nodes, edges=None, edge_links=None)
        return spaces.GraphInstance(nodes=nodes, edges=between[tuple(links.T)] - 1, edge_links=links)
