"""What a graph environment shows to a graph policy: nodes, edges, the sites where something can be done, removals.

One decision has two stages: *where* (column 0 is stop, columns 1.. are sites), then *what* (one of K options). The
forward action is ``0`` for stop, else ``1 + (where - 1) * K + what``. A backward action is one of the removals. Sites
and removals are nodes, pairs of nodes, edges, or the whole graph.

All index lists come packed (only real entries) or padded (every slot, with a mask). Packed costs least on a CPU; padded
has shapes that do not depend on the data, so that a rollout on a GPU never waits for the host. Graphs whose nodes have
no places are most easily made by ``plain_graphs``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from torch import Tensor

#: "pair": two nodes, joined or not, in any order; "edge": an edge that is there; "graph": the whole graph
Element = Literal["pair", "edge", "graph"]


@dataclass(frozen=True)
class GraphSpec:
    """Sizes that a graph policy is built from."""

    node_types: int  #: different values of ``GraphBatch.node_type``
    labels: int  #: different labels of the places of a node (edge ends and sites)
    relations: int  #: different relations between two places of a node
    where: int  #: W, columns of the where-choice, stop included
    options: int  #: K, options of the what-choice
    option_label: tuple[int, ...]  #: K numbers from 0; options that a symmetry takes into each other share one
    max_nodes: int  #: N
    removals: int  #: A', backward actions
    node_features: int = 0  #: real numbers of a node (``GraphBatch.node_features``)
    edge_types: int = 0  #: different values of ``GraphBatch.edge_type``; 0: edges have no type
    edge_features: int = 0  #: real numbers of an edge (``GraphBatch.edge_features``)
    condition: int = 0  #: size of the encoded condition (``GraphBatch.condition``); 0 for none
    #: what sites and removals may be beside single nodes (a site may always be the whole graph)
    sites: frozenset[Element] = frozenset()
    removed: frozenset[Element] = frozenset()


@dataclass(frozen=True)
class GraphBatch:
    """B graphs. ``n`` nodes, ``E`` directed edges, ``m`` sites and ``l`` removals in all; P places per node at most.

    Edges end and sites lie at *places* of nodes (attachment points). Places are told apart by what does not change
    under the symmetries of a node: a label, and for two places of one node their relation (on benzene: ortho, meta,
    para). A policy that reads nothing else gives isomorphic states the same probabilities, which exact answers over
    isomorphism classes take for granted.

    Edges have no direction: both directions of an edge are listed, the second half of all edge lists being the first
    half turned round. What an edge is (type, features) is the same both ways.

    A site or removal is a node, or a pair of nodes where ``*_other`` names a second one, or an edge where ``*_edge``
    names its row in the first half of the edge lists (its ends are then read from there), or, with all three -1, the
    whole graph. A field that is None is -1 everywhere.

    A ``*_mask`` is None where every entry is real. Fields that are None at the end stand for what the spec says is not
    there.
    """

    n_graphs: int
    max_nodes: int
    node_type: Tensor  #: int64 [n]
    node_labels: Tensor  #: int64 [n, P], labels of the node's places
    node_used: Tensor  #: float [n, P], 1 at places where an edge ends
    node_graph: Tensor  #: int64 [n]
    node_slot: Tensor  #: int64 [n], position within its graph, in [0, N)
    node_mask: Tensor | None  #: bool [n]
    n_nodes: Tensor  #: int64 [B], real nodes of each graph
    #: packed only: (size, number of graphs) in the order of the node lists, which then hold the graphs of one size
    #: side by side, each graph's nodes together; attention within graphs then needs no padding
    sizes: list[tuple[int, int]] | None
    edge_index: Tensor  #: int64 [2, E], rows of the node lists; both directions of every edge
    edge_labels: Tensor  #: int64 [E, 2], label at the source end and at the target end
    edge_relations: Tensor  #: int64 [E, 2, P], relations of the end's place to all places of its node, at both ends
    edge_beside: Tensor  #: float [E, 2, P], 1 at those of them where another edge ends
    edge_mask: Tensor | None  #: bool [E]
    site_graph: Tensor  #: int64 [m]
    site_node: Tensor  #: int64 [m], row of the node lists, or -1 for a site that belongs to the whole graph
    site_label: Tensor  #: int64 [m]
    site_relations: Tensor  #: int64 [m, P], relations of the site to all places of its node
    site_beside: Tensor  #: float [m, P], 1 at those of them where an edge ends
    site_where: Tensor  #: int64 [m], column of the where-choice, >= 1
    site_options: Tensor  #: int64 [m], row of ``option_mask``
    site_mask: Tensor | None  #: bool [m]
    option_mask: Tensor  #: bool [C, K]
    stop_mask: Tensor  #: bool [B], stop is legal
    removal_graph: Tensor  #: int64 [l]
    removal_node: Tensor  #: int64 [l], row of the node lists, or -1
    removal_action: Tensor  #: int64 [l], backward action
    removal_mask: Tensor | None  #: bool [l]
    node_features: Tensor | None = None  #: float [n, node_features]
    edge_type: Tensor | None = None  #: int64 [E]
    edge_features: Tensor | None = None  #: float [E, edge_features]
    site_other: Tensor | None = None  #: int64 [m], row of the node lists, or -1
    site_edge: Tensor | None = None  #: int64 [m], row of the first half of the edge lists, or -1
    removal_other: Tensor | None = None  #: int64 [l], row of the node lists, or -1
    removal_edge: Tensor | None = None  #: int64 [l], row of the first half of the edge lists, or -1
    condition: Tensor | None = None  #: float [B, condition]

    def to(self, device: torch.device | str) -> Self:
        moved: dict[str, Any] = {
            f.name: value.to(device) if isinstance(value := getattr(self, f.name), Tensor) else value
            for f in dataclasses.fields(self)
        }
        return type(self)(**moved)

    @classmethod
    def joined(cls, parts: Sequence[GraphBatch], graphs: Sequence[Tensor]) -> Self:
        """Packed batches as one.

        Args:
            parts: of one environment; those with smaller graphs first, so that graphs of one size lie side by side.
            graphs: for each part int64 [B of the part], which graph of the whole each of its graphs is.
        """
        places = torch.cat(list(graphs))
        starts = {"node": 0, "edge": 0, "row": 0}
        columns: dict[str, list[Any]] = {f.name: [] for f in dataclasses.fields(cls)}
        for part, graph in zip(parts, graphs, strict=True):
            for name, values in columns.items():
                value, start = getattr(part, name), starts.get(_ROWS.get(name, ""), 0)
                if value is not None and name.endswith("_graph"):
                    value = graph[value]
                elif value is not None and start:
                    value = torch.where(value >= 0, value + start, value)
                values.append(value)
            starts["node"] += len(part.node_graph)
            starts["edge"] += part.edge_index.shape[1] // 2
            starts["row"] += len(part.option_mask)
        found: dict[str, Any] = {}
        for name, values in columns.items():
            if values[0] is None or name in {"n_graphs", "max_nodes"}:
                found[name] = values[0]
            elif name in {"n_nodes", "stop_mask", "condition"}:
                together = torch.cat(values)
                found[name] = torch.empty_like(together).index_copy_(0, places, together)
            elif name == "sizes":
                count = torch.bincount(found["n_nodes"], minlength=1).tolist()
                found[name] = [(size, c) for size, c in enumerate(count) if size and c]
            elif name.startswith("edge_"):
                dim = 1 if name == "edge_index" else 0
                halves = [value.chunk(2, dim) for value in values]
                found[name] = torch.cat([half[way] for way in (0, 1) for half in halves], dim)
            else:
                found[name] = torch.cat(values)
        return cls(**{**found, "n_graphs": len(places)})


#: what the rows of a field are rows of
_ROWS = {
    **dict.fromkeys(("edge_index", "site_node", "site_other", "removal_node", "removal_other"), "node"),
    **dict.fromkeys(("site_edge", "removal_edge"), "edge"),
    "site_options": "row",
}
