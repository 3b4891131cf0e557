"""What a graph environment shows to a graph policy: nodes, edges, the sites where something can be added, removals.

One decision is factorised: *where* (column 0 is stop, columns 1.. are sites), then *what* (one of K options). The
forward action is ``0`` for stop, else ``1 + (where - 1) * K + what``.

All index lists come packed (only real entries) or padded (every slot, with a mask). Packed costs least on a CPU; padded
has shapes that do not depend on the data, so that a rollout on a GPU never waits for the host.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class GraphSpec:
    """Sizes that a graph policy is built from."""

    node_types: int  #: different values of ``GraphBatch.node_type``
    node_flags: int  #: columns of ``GraphBatch.node_flags``
    labels: int  #: different labels of edge ends and of sites
    where: int  #: W, columns of the where-choice, stop included
    options: int  #: K, options of the what-choice
    max_nodes: int  #: N
    removals: int  #: A', backward actions


@dataclass(frozen=True)
class GraphBatch:
    """B graphs. ``n`` nodes, ``E`` directed edges, ``m`` sites and ``l`` removals in all.

    A ``*_mask`` is None where every entry is real.
    """

    n_graphs: int
    max_nodes: int
    node_type: Tensor  #: int64 [n]
    node_flags: Tensor  #: float [n, F]
    node_graph: Tensor  #: int64 [n]
    node_slot: Tensor  #: int64 [n], position within its graph, in [0, N)
    node_mask: Tensor | None  #: bool [n]
    n_nodes: Tensor  #: int64 [B], real nodes of each graph
    #: packed only: (size, number of graphs) in the order of the node lists, which then hold the graphs of one size
    #: side by side, each graph's nodes together; attention within graphs then needs no padding
    sizes: list[tuple[int, int]] | None
    edge_index: Tensor  #: int64 [2, E], rows of the node lists; both directions of every edge
    edge_labels: Tensor  #: int64 [E, 2], label at the source end and at the target end
    edge_mask: Tensor | None  #: bool [E]
    site_graph: Tensor  #: int64 [m]
    site_node: Tensor  #: int64 [m], row of the node lists, or -1 for a site that belongs to the whole graph
    site_label: Tensor  #: int64 [m]
    site_where: Tensor  #: int64 [m], column of the where-choice, >= 1
    site_options: Tensor  #: int64 [m], row of ``option_mask``
    site_mask: Tensor | None  #: bool [m]
    option_mask: Tensor  #: bool [C, K]
    stop_mask: Tensor  #: bool [B], stop is legal
    removal_graph: Tensor  #: int64 [l]
    removal_node: Tensor  #: int64 [l], row of the node lists
    removal_action: Tensor  #: int64 [l], backward action
    removal_mask: Tensor | None  #: bool [l]

    def to(self, device: torch.device | str) -> Self:
        moved: dict[str, Any] = {
            f.name: value.to(device) if isinstance(value := getattr(self, f.name), Tensor) else value
            for f in dataclasses.fields(self)
        }
        return type(self)(**moved)
