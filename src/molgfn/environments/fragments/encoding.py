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
    states: FragmentStates,
    tables: FragmentTables,
    legal: Legal,
    removable: Tensor | None,
    spec: GraphSpec,
    *,
    padded: bool,
) -> GraphBatch:
    """The trees as graphs, packed or padded (see ``environments.graphs``).

    Nodes, joins and sites are looked up by one number each, their place in the flattened table: that is the fast way.

    Args:
        states: B trees.
        tables: what the fragments are.
        legal: what may be done.
        removable: bool [B, N], nodes that a backward action may remove; None leaves removals out.
        spec: sizes.
        padded: every slot with a mask, instead of real entries only.
    """
    stop, start, sites, options = legal
    batch, width = states.kinds.shape
    points, device = tables.n_points, states.n.device

    def pick(mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """Places of the True entries, or of all entries with the mask."""
        flat = mask.flatten()
        if padded:
            return torch.arange(len(flat), device=device), flat
        return flat.nonzero().squeeze(1), None

    node, node_mask = pick(states.kinds >= 0)
    sizes = None
    if not padded:  # nodes in the order of their graph's size
        counts = torch.bincount(states.n, minlength=1).tolist()
        sizes = [(size, count) for size, count in enumerate(counts) if size and count]
        if len(sizes) > 1:
            node = node.index_select(0, states.n.index_select(0, node // width).argsort(stable=True))
    graph = node // width
    numbers = torch.arange(len(node), device=device)
    row_of = numbers if padded else numbers.new_zeros(batch * width).index_copy_(0, node, numbers)
    kind = states.kinds.flatten().index_select(0, node).clamp_(min=0)

    join, join_mask = pick(states.joins[:, :, 0] >= 0)
    rows = states.joins.flatten(0, 1).index_select(0, join).clamp_(min=0)
    ends = torch.cat([rows, rows.roll(2, 1)])  # (u, p, v, q), then (v, q, u, p)
    first = (join // states.joins.shape[1] * width).repeat(2)[:, None]
    end = (ends[:, 0::2] + first).flatten()
    labels, relations, beside = _place(states, tables, end, ends[:, 1::2].flatten())

    site, site_mask = pick(sites)
    at = site // points
    sg, first_site = at // width, width * points
    site_label, site_relations, site_beside = _place(states, tables, at, site % points)
    site_node, site_where = row_of.index_select(0, at), site % first_site + 1
    site_options = options.flatten().index_select(0, site)
    eg, start_mask = pick(start)
    if padded or len(eg):  # beside those at nodes, those that start a tree
        blank = torch.full_like(eg, -1)
        none = site_relations.new_zeros(len(eg), points)
        sg, site_node = torch.cat([sg, eg]), torch.cat([site_node, blank])
        site_label = torch.cat([site_label, torch.full_like(eg, spec.labels - 1)])
        site_relations = torch.cat([site_relations, none])
        site_beside = torch.cat([site_beside, none.to(site_beside.dtype)])
        site_where = torch.cat([site_where, torch.full_like(eg, spec.where - 1)])
        site_options = torch.cat([site_options, torch.full_like(eg, len(tables.options) - 1)])
    removal, removal_mask = pick(
        torch.zeros_like(states.kinds[:0], dtype=torch.bool) if removable is None else removable
    )
    rg = removal // width
    return GraphBatch(
        n_graphs=batch,
        max_nodes=width,
        node_type=kind,
        node_labels=tables.label_of.index_select(0, kind),
        node_used=states.used.flatten(0, 1).index_select(0, node).to(torch.get_default_dtype()),
        node_graph=graph,
        node_slot=node - graph * width,
        node_mask=node_mask,
        n_nodes=states.n,
        sizes=sizes,
        edge_index=row_of.index_select(0, end).view(-1, 2).t().contiguous(),
        edge_labels=labels.view(-1, 2),
        edge_relations=relations.view(-1, 2, points),
        edge_beside=beside.view(-1, 2, points),
        edge_mask=None if join_mask is None else torch.cat([join_mask, join_mask]),
        site_graph=sg,
        site_node=site_node,
        site_label=site_label,
        site_relations=site_relations,
        site_beside=site_beside,
        site_where=site_where,
        site_options=site_options,
        site_mask=None if site_mask is None or start_mask is None else torch.cat([site_mask, start_mask]),
        option_mask=tables.options,
        stop_mask=stop,
        removal_graph=rg,
        removal_node=row_of.index_select(0, removal),
        removal_action=removal - rg * width,
        removal_mask=removal_mask,
    )


def _place(states: FragmentStates, tables: FragmentTables, node: Tensor, point: Tensor) -> tuple[Tensor, ...]:
    """Label [m], relations [m, P] to the points of the node, and which of those others are taken, float [m, P].

    ``node`` counts through the slots of all trees.
    """
    kind = states.kinds.flatten().index_select(0, node).clamp_(min=0)
    place = kind * tables.n_points + point
    others = torch.arange(tables.n_points, device=point.device) != point[:, None]
    beside = states.used.flatten(0, 1).index_select(0, node) & others
    return (
        tables.label_of.flatten().index_select(0, place),
        tables.relation_of.flatten(0, 1).index_select(0, place),
        beside.to(torch.get_default_dtype()),
    )
