"""Embeddings of nodes, edges and whole graphs around a trunk."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from molgfn.environments.graphs import GraphBatch, GraphSpec
from molgfn.networks.embedding_sum import embedding, embedding_sum
from molgfn.networks.graph_transformer import GraphTransformer, Layout
from molgfn.networks.mlp import mlp
from molgfn.networks.recording import Recording


@dataclass(frozen=True)
class Embedded:
    """A batch of graphs through a trunk: ``nodes`` [n, width], ``graphs`` [B, width].

    ``edges`` [E / 2, width]: edges as they went into the trunk, the sum over both directions.
    """

    nodes: Tensor
    graphs: Tensor
    edges: Tensor | None = None


class GraphEncoder(nn.Module):
    """From a batch of graphs to embeddings.

    A condition is read in every layer (added to all nodes, by a number of its own for each layer) and by the embedding
    of the whole graph. The trunk must then take ``beside``, as those of this package do.
    """

    def __init__(self, spec: GraphSpec, width: int, trunk: nn.Module) -> None:
        super().__init__()
        self.max_nodes = spec.max_nodes
        self.node_type = nn.Embedding(spec.node_types, width)
        self.used_label = nn.Embedding(spec.labels, width)
        self.far_label = nn.Embedding(spec.labels, width)
        self.near_label = nn.Embedding(spec.labels, width)
        self.far_relation = nn.Embedding(spec.relations, width)
        self.near_relation = nn.Embedding(spec.relations, width)
        self.trunk = trunk
        self.pool = nn.Linear(2 * width, width)
        self.empty = nn.Parameter(torch.randn(width) / math.sqrt(width))
        self.node_features = nn.Linear(spec.node_features, width) if spec.node_features else None
        self.edge_type = nn.Embedding(spec.edge_types, width) if spec.edge_types else None
        self.edge_features = nn.Linear(spec.edge_features, width) if spec.edge_features else None
        self.keeps_edges = "edge" in spec.sites | spec.removed
        self.condition = None
        if spec.condition:
            depth = len(trunk.layers)  # type: ignore[arg-type]
            self.condition = mlp(spec.condition, width, 1, width * (depth + 1))
        #: where the trunk writes what it computes; None: nowhere
        self.into: Recording | None = None
        #: nodes of the last rollout whose trunk was recorded
        self.recorded = 0
        #: what it computed before, and which of its graphs are those asked for; None: nothing
        self.known: tuple[Recording, Tensor] | None = None

    def forward(self, g: GraphBatch) -> Embedded:
        x, edges = self._nodes(g), self._edges(g)
        dtype = self.empty.dtype
        # [B, layers + 1, width]: what each layer adds to the nodes of a graph, and the last to the whole graph
        beside = None if self.condition is None else self.condition(_given(g.condition, "condition").to(dtype))
        beside = None if beside is None else beside.view(g.n_graphs, -1, x.shape[1])
        edge_index, graph, slot = g.edge_index, g.node_graph, g.node_slot
        if g.edge_mask is not None:  # pads send to a row of their own, which is cut off below
            edge_index = torch.where(g.edge_mask, edge_index, len(x))
            x = functional.pad(x, (0, 0, 0, 1))
            graph, slot = functional.pad(graph, (0, 1), value=g.n_graphs), functional.pad(slot, (0, 1))
        more: dict[str, Any] = {}
        if beside is not None:
            of_graph = beside if g.edge_mask is None else functional.pad(beside, (0, 0, 0, 0, 0, 1))
            more["beside"] = of_graph[:, :-1].index_select(0, graph).unbind(1)
        layout = Layout.of(g.sizes, graph, slot, g.n_nodes, g.max_nodes)
        nodes = self._through_trunk(g, x, edge_index, edges, layout, more)
        if g.edge_mask is not None:
            nodes = nodes[:-1]
        real = nodes if g.node_mask is None else nodes * g.node_mask[:, None]
        total = real.new_zeros(g.n_graphs, real.shape[1]).index_add(0, g.node_graph, real)
        mean = total / g.n_nodes.clamp(min=1)[:, None]
        pooled = functional.relu(self.pool(torch.cat([mean, total / self.max_nodes], 1)))
        graphs = torch.where((g.n_nodes == 0)[:, None], self.empty, pooled)
        if beside is not None:
            graphs = graphs + beside[:, -1]
        return Embedded(nodes, graphs, sum(edges.chunk(2)) if self.keeps_edges else None)  # type: ignore[arg-type]

    def _through_trunk(
        self, g: GraphBatch, x: Tensor, edge_index: Tensor, edges: Tensor, layout: Layout, more: dict[str, Any]
    ) -> Tensor:
        packed = g.sizes is not None and x.device.type == "cpu"
        if self.into is not None and packed:
            into, trunk = self.into, self.trunk
            rows = into.more(len(x), g.node_graph, g.node_slot, g.n_graphs, g.max_nodes, x)
            return trunk.record(x, edge_index, edges, layout, into, rows, **more)  # type: ignore[operator]
        if self.known is not None and packed:
            recording, order = self.known
            more = {**more, "known": recording.at(order[g.node_graph] * g.max_nodes + g.node_slot)}
        return self.trunk(x, edge_index, edges, layout, **more)

    @contextmanager
    def recording(self) -> Iterator[Recording | None]:
        """Within, what the trunk computes is kept, and no gradient; None where the trunk cannot do so."""
        if not isinstance(self.trunk, GraphTransformer):
            yield None
            return
        self.into = recorded = self.trunk.recording(self.recorded)
        try:
            yield recorded
        finally:
            self.into, self.recorded = None, recorded.n

    @contextmanager
    def knowing(self, recording: Recording, order: Tensor) -> Iterator[None]:
        """Within, the trunk's forward pass is what was recorded.

        Args:
            recording: of the same trunk under the same parameters.
            order: int64 [S], for each graph of the batch that will be asked for, which of the recorded ones it is.
        """
        self.known = recording, order
        try:
            yield
        finally:
            self.known = None

    @contextmanager
    def knowing_enough(self, *, whole: bool) -> Iterator[None]:
        """Within, what was recorded is known only if it is that of ``whole`` graphs, where these are asked for."""
        known = self.known
        if whole and known is not None and not known[0].whole:
            self.known = None
        try:
            yield
        finally:
            self.known = known

    def _nodes(self, g: GraphBatch) -> Tensor:
        x = embedding(self.node_type.weight, g.node_type)
        if g.node_labels.shape[1]:
            x = x + embedding_sum(self.used_label.weight, g.node_labels, g.node_used)
        if self.node_features is not None:
            x = x + self.node_features(_given(g.node_features, "node_features").to(x.dtype))
        return x

    def _edges(self, g: GraphBatch) -> Tensor:
        x = embedding(self.far_label.weight, g.edge_labels[:, 0]) + embedding(
            self.near_label.weight, g.edge_labels[:, 1]
        )
        if g.edge_relations.shape[2]:
            x = (
                x
                + embedding_sum(self.far_relation.weight, g.edge_relations[:, 0], g.edge_beside[:, 0])
                + embedding_sum(self.near_relation.weight, g.edge_relations[:, 1], g.edge_beside[:, 1])
            )
        if self.edge_type is not None:
            x = x + embedding(self.edge_type.weight, _given(g.edge_type, "edge_type"))
        if self.edge_features is not None:
            x = x + self.edge_features(_given(g.edge_features, "edge_features").to(x.dtype))
        return x


def _given(tensor: Tensor | None, name: str) -> Tensor:
    if tensor is None:
        raise ValueError(f"the spec says that graphs have a {name}, but GraphBatch.{name} is None")
    return tensor
