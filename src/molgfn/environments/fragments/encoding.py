"""Fragment trees as graph policies read them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from molgfn.environments.fragments.states import FragmentStates
from molgfn.environments.fragments.tables import FragmentTables
from molgfn.environments.graphs import GraphBatch, GraphSpec


class Legal(NamedTuple):
    """What may be done at B trees.

    Attributes:
        stop, start: bool [B].
        sites: bool [B, N, P], points where something may be added.
        options: int64 [B, N, P], rows of ``FragmentTables.options`` that say what.
    """

    stop: Tensor
    start: Tensor
    sites: Tensor
    options: Tensor


def encode(
    states: FragmentStates, tables: FragmentTables, legal: Legal, removable: Tensor, spec: GraphSpec, *, padded: bool
) -> GraphBatch:
    """The trees as graphs, packed or padded (see ``environments.graphs``).

    Args:
        states: B trees.
        tables: what the fragments are.
        legal: what may be done.
        removable: bool [B, N], nodes that a backward action may remove.
        spec: sizes.
        padded: every slot with a mask, instead of real entries only.
    """
    stop, start, sites, options = legal
    batch, width = states.kinds.shape
    device = states.n.device

    def pick(mask: Tensor) -> tuple[tuple[Tensor, ...], Tensor | None]:
        """Indices of the True entries, or of all entries with the mask."""
        if padded:
            grid = torch.meshgrid(*(torch.arange(s, device=device) for s in mask.shape), indexing="ij")
            return tuple(axis.flatten() for axis in grid), mask.flatten()
        return mask.nonzero(as_tuple=True), None

    real = states.kinds >= 0
    (graph, slot), node_mask = pick(real)
    row_of = torch.arange(batch * width, device=device).view(batch, width)
    sizes = None
    if not padded:  # nodes in the order of their graph's size
        order = states.n.argsort(stable=True)
        real = real[order]
        place, slot = real.nonzero(as_tuple=True)
        graph = order[place]
        row_of = torch.empty_like(states.kinds).index_copy_(0, order, (real.flatten().cumsum(0) - 1).view(batch, width))
        counts = torch.bincount(states.n, minlength=1).tolist()
        sizes = [(size, count) for size, count in enumerate(counts) if size and count]
    kind = states.kinds[graph, slot].clamp(min=0)

    (jg, jl), join_mask = pick(states.joins[:, :, 0] >= 0)
    u, p, v, q = states.joins[jg, jl].clamp(min=0).unbind(1)
    ends = torch.stack([row_of[jg, u], row_of[jg, v]])
    at_u, at_v = _place(states, tables, jg, u, p), _place(states, tables, jg, v, q)
    both = [torch.stack(pair, 1) for pair in zip(at_u, at_v, strict=True)]
    labels, relations, beside = (torch.cat([x, x.flip(1)]) for x in both)

    (sg, sn, sp), site_mask = pick(sites)
    site_label, site_relations, site_beside = _place(states, tables, sg, sn, sp)
    (eg,), start_mask = pick(start)
    blank = torch.full_like(eg, -1)
    (rg, rn), removal_mask = pick(removable)
    return GraphBatch(
        n_graphs=batch,
        max_nodes=width,
        node_type=kind,
        node_labels=tables.label_of[kind],
        node_used=states.used[graph, slot].to(torch.get_default_dtype()),
        node_graph=graph,
        node_slot=slot,
        node_mask=node_mask,
        n_nodes=states.n,
        sizes=sizes,
        edge_index=torch.cat([ends, ends.flip(0)], 1),
        edge_labels=labels,
        edge_relations=relations,
        edge_beside=beside,
        edge_mask=None if join_mask is None else torch.cat([join_mask, join_mask]),
        site_graph=torch.cat([sg, eg]),
        site_node=torch.cat([row_of[sg, sn], blank]),
        site_label=torch.cat([site_label, torch.full_like(eg, spec.labels - 1)]),
        site_relations=torch.cat([site_relations, site_relations.new_zeros(len(eg), tables.n_points)]),
        site_beside=torch.cat([site_beside, site_beside.new_zeros(len(eg), tables.n_points)]),
        site_where=torch.cat([1 + sn * tables.n_points + sp, torch.full_like(eg, spec.where - 1)]),
        site_options=torch.cat([options[sg, sn, sp], torch.full_like(eg, len(tables.options) - 1)]),
        site_mask=None if site_mask is None or start_mask is None else torch.cat([site_mask, start_mask]),
        option_mask=tables.options,
        stop_mask=stop,
        removal_graph=rg,
        removal_node=row_of[rg, rn],
        removal_action=rn,
        removal_mask=removal_mask,
    )


def _place(
    states: FragmentStates, tables: FragmentTables, graph: Tensor, node: Tensor, point: Tensor
) -> tuple[Tensor, ...]:
    """Label [m], relations [m, P] to the points of the node, and which of those others are taken, float [m, P]."""
    kind = states.kinds[graph, node].clamp(min=0)
    beside = states.used[graph, node] & (torch.arange(tables.n_points, device=point.device) != point[:, None])
    return tables.label_of[kind, point], tables.relation_of[kind, point], beside.to(torch.get_default_dtype())
