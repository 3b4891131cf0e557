"""Graphs whose nodes have no places, from dense lists: the short way to a ``GraphBatch``."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.graphs import GraphBatch


@dataclass(frozen=True)
class PlainGraphs:
    """B graphs of at most N nodes, M edges, S sites and A' removals, each in its slot, with a mask of what is there.

    Site s is column s + 1 of the where-choice, removal r is backward action r. Sites and removals are written as
    (node slot, second node slot, edge slot), -1 for what they have not got: a node (i, -1, -1), a pair (i, j, -1), an
    edge (-1, -1, e), the whole graph (-1, -1, -1).

    Nodes that are there fill the first slots. A policy that reads nothing but what is here gives isomorphic states the
    same probabilities: a type, feature or label must be the same for nodes, edges or sites that a symmetry takes into
    each other.

    Attributes:
        node_mask: bool [B, N].
        edges: int64 [B, M, 2], slots of both ends, in any order; each edge once.
        edge_mask: bool [B, M].
        sites: int64 [B, S, 3].
        site_mask: bool [B, S].
        removals: int64 [B, A', 3].
        removal_mask: bool [B, A'].
        stop_mask: bool [B].
        option_mask: bool [C, K], sets of options that may be legal.
        site_options: int64 [B, S], row of ``option_mask``; None: all the first row.
        node_type: int64 [B, N]; None: all of one type.
        node_features: float [B, N, F].
        edge_type: int64 [B, M].
        edge_features: float [B, M, F'].
        site_label: int64 [B, S], in [0, ``GraphSpec.labels``); None: all 0.
    """

    node_mask: Tensor
    edges: Tensor
    edge_mask: Tensor
    sites: Tensor
    site_mask: Tensor
    removals: Tensor
    removal_mask: Tensor
    stop_mask: Tensor
    option_mask: Tensor
    site_options: Tensor | None = None
    node_type: Tensor | None = None
    node_features: Tensor | None = None
    edge_type: Tensor | None = None
    edge_features: Tensor | None = None
    site_label: Tensor | None = None

    def batch(self, *, padded: bool | None = None) -> GraphBatch:
        """The graphs as policies read them; padded by default on a GPU, packed on a CPU."""
        padded = self.node_mask.device.type != "cpu" if padded is None else padded
        n_graphs, width = self.node_mask.shape
        count = self.node_mask.sum(1)
        device = count.device
        sizes = None
        if padded:
            (graph, slot), node_mask = _pick(self.node_mask, padded)
            row_of = torch.arange(n_graphs * width, device=device).view(n_graphs, width)
        else:  # nodes in the order of their graph's size
            order = count.argsort(stable=True)
            real = self.node_mask[order]
            place, slot = real.nonzero(as_tuple=True)
            graph, node_mask = order[place], None
            rows = (real.flatten().cumsum(0) - 1).view(n_graphs, width)
            row_of = torch.empty_like(rows).index_copy_(0, order, rows)
            sizes = [(s, c) for s, c in enumerate(torch.bincount(count, minlength=1).tolist()) if s and c]
        (of_edge, edge), edge_mask = _pick(self.edge_mask, padded)
        ends = row_of[of_edge[:, None], self.edges[of_edge, edge].clamp(min=0)].T
        edge_row = (self.edge_mask.flatten().cumsum(0) - 1).view(self.edge_mask.shape)
        if padded:
            edge_row = torch.arange(self.edge_mask.numel(), device=device).view(self.edge_mask.shape)
        (of_site, site), site_mask = _pick(self.site_mask, padded)
        (of_removal, removal), removal_mask = _pick(self.removal_mask, padded)

        def element(graph: Tensor, written: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            """Rows of (node, second node, edge) [m, 3] as written, -1 where there is none."""
            slots = written.clamp(min=0)
            rows = row_of[graph, slots[:, 0]], row_of[graph, slots[:, 1]]
            rows = (*rows, edge_row[graph, slots[:, 2]] if edge_row.shape[1] else slots[:, 2])
            return tuple(torch.where(written[:, k] >= 0, row, -1) for k, row in enumerate(rows))  # type: ignore[return-value]

        def nodes(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[graph, slot]

        def both_ways(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[of_edge, edge].repeat(2, *[1] * (values.dim() - 2))

        site_node, site_other, site_edge = element(of_site, self.sites[of_site, site])
        removal_node, removal_other, removal_edge = element(of_removal, self.removals[of_removal, removal])
        none, e = graph.new_zeros, 2 * len(edge)
        blank = torch.zeros(0, dtype=torch.get_default_dtype(), device=device).new_zeros
        kinds = none(len(graph)) if self.node_type is None else self.node_type[graph, slot].clamp(min=0)
        return GraphBatch(
            n_graphs=n_graphs,
            max_nodes=width,
            node_type=kinds,
            node_labels=none(len(graph), 0),
            node_used=blank(len(graph), 0),
            node_graph=graph,
            node_slot=slot,
            node_mask=node_mask,
            n_nodes=count,
            sizes=sizes,
            edge_index=torch.cat([ends, ends.flip(0)], 1),
            edge_labels=none(e, 2),
            edge_relations=none(e, 2, 0),
            edge_beside=blank(e, 2, 0),
            edge_mask=None if edge_mask is None else edge_mask.repeat(2),
            site_graph=of_site,
            site_node=site_node,
            site_label=none(len(site)) if self.site_label is None else self.site_label[of_site, site],
            site_relations=none(len(site), 0),
            site_beside=blank(len(site), 0),
            site_where=1 + site,
            site_options=none(len(site)) if self.site_options is None else self.site_options[of_site, site],
            site_mask=site_mask,
            option_mask=self.option_mask,
            stop_mask=self.stop_mask,
            removal_graph=of_removal,
            removal_node=removal_node,
            removal_action=removal,
            removal_mask=removal_mask,
            node_features=nodes(self.node_features),
            edge_type=both_ways(self.edge_type),
            edge_features=both_ways(self.edge_features),
            site_other=site_other,
            site_edge=site_edge,
            removal_other=removal_other,
            removal_edge=removal_edge,
        )


def _pick(mask: Tensor, padded: bool) -> tuple[tuple[Tensor, ...], Tensor | None]:
    """Indices of the True entries of ``mask`` [B, n], or of all entries with the mask."""
    if not padded:
        return mask.nonzero(as_tuple=True), None
    grid = torch.meshgrid(*(torch.arange(s, device=mask.device) for s in mask.shape), indexing="ij")
    return tuple(axis.flatten() for axis in grid), mask.flatten()
