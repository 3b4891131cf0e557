"""Graphs of atoms as graph policies read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from molgfn.environments.atoms.legal import FARTHEST, Facts, Legal, backward, forward
from molgfn.environments.atoms.rings import packed
from molgfn.environments.atoms.states import AtomStates
from molgfn.environments.graphs import GraphBatch, GraphSpec
from molgfn.environments.plain_graphs import PlainGraphs

#: labels of sites: an atom, the first atom, and pairs at distance 2, 3 ...; further than ``FARTHEST`` is one label
ATOM, FIRST, PAIR = 0, 1, 2
#: free valence, degree (both in quarters), 1 in a ring
NODE_FEATURES = 3
#: combinations of orders by which a ring can be closed
_ORDER_SETS = 8
#: states that are encoded together, about
_TOGETHER = 192


def spec_of(types: int, max_atoms: int, options: int) -> GraphSpec:
    """Sizes for a policy."""
    pairs = max_atoms * (max_atoms - 1) // 2
    return GraphSpec(
        node_types=types,
        labels=PAIR + FARTHEST,
        relations=1,
        where=2 + max_atoms + pairs,
        options=options,
        option_label=tuple(range(options)),
        max_nodes=max_atoms,
        removals=max_atoms + pairs,
        node_features=NODE_FEATURES,
        edge_types=4,
        edge_features=1,
        sites=frozenset({"pair"}),
        removed=frozenset({"edge"}),
    )


def encode(
    states: AtomStates,
    facts_of: Callable[[AtomStates], Facts],
    spec: GraphSpec,
    *,
    removals: bool,
    padded: bool,
) -> GraphBatch:
    """The graphs, packed or padded (see ``environments.graphs``).

    Args:
        states: B states.
        facts_of: what is asked of some of them.
        spec: sizes.
        removals: list what backward actions may remove.
        padded: every slot with a mask, instead of real entries only.
    """

    def graphs(states: AtomStates) -> GraphBatch:
        facts = facts_of(states)
        removable = backward(facts) if removals else None
        return _encode(facts, forward(facts), removable, spec, padded=padded)

    if padded or len(states) < 2 * _TOGETHER:
        return graphs(states)
    # work grows as the cube of the largest graph, so that graphs of one size are best among themselves
    parts = states.n.argsort(stable=True).tensor_split(len(states) // _TOGETHER)
    return GraphBatch.joined([graphs(states[part]) for part in parts], parts)


def _encode(
    facts: Facts,
    legal: Legal,
    removable: tuple[Tensor, Tensor] | None,
    spec: GraphSpec,
    *,
    padded: bool,
) -> GraphBatch:
    """See ``encode``; ``removable``: atoms bool [B, N] and bonds bool [B, N, N] that a backward action may remove."""
    rings, types = facts.rings, facts.types
    batch, width = types.shape
    device = types.device
    i, j = facts.pairs
    n_pairs, n_slots = len(i), spec.max_nodes

    joined = rings.joined[:, i, j]
    order, ring = facts.states.bonds[:, i, j], rings.ring_bond[:, i, j]
    numbers = torch.arange(n_pairs, device=device)
    if padded:  # bonds fill the first of as many slots as there can be bonds
        pair, there = packed(joined, numbers[:, None], facts.limits.most_bonds)
        pair = pair.squeeze(2)
        ends, order, ring = facts.pairs.T[pair], order.gather(1, pair), ring.gather(1, pair)
        edge_of_pair = joined.cumsum(1) - 1
    else:
        ends, there = facts.pairs.T.expand(batch, -1, -1), joined
        edge_of_pair = numbers.expand(batch, -1)

    none = torch.full((1 + width + n_pairs,), -1, dtype=torch.int64, device=device)
    slots = torch.arange(width, device=device)
    sites = torch.stack([torch.cat([slots, none[:1], i]), torch.cat([none[: width + 1], j]), none], 1)
    row_of_atom = _ORDER_SETS + 1 + torch.arange(batch * width, device=device).view(batch, width)
    first_row = torch.full((batch, 1), _ORDER_SETS, device=device)
    label = PAIR + facts.far.clamp(2, FARTHEST) - 2
    if removable is None:
        removals, removal_mask = none.new_zeros(batch, 0, 3), joined[:, :0]
    else:
        atoms, bonds = removable
        of_pair = torch.cat([none[:width].expand(batch, width), edge_of_pair], 1)
        ended = torch.stack([torch.cat([slots, none[:n_pairs]]), none[: width + n_pairs]], 1)
        removals = torch.cat([ended.expand(batch, -1, 2), of_pair[:, :, None]], 2)
        removal_mask = torch.cat([atoms, bonds[:, i, j]], 1)
    free = facts.free.to(torch.get_default_dtype())
    found = PlainGraphs(
        node_mask=rings.real,
        node_type=types - 1,
        node_features=torch.stack([free / 4, rings.degree / 4, rings.in_ring], 2).to(free.dtype),
        edges=ends,
        edge_mask=there,
        edge_type=order.long(),
        edge_features=ring[:, :, None].to(free.dtype),
        sites=sites.expand(batch, -1, 3),
        site_mask=torch.cat([legal.adds.any(2), legal.first[:, None], legal.closures > 0], 1),
        site_options=torch.cat([row_of_atom, first_row, legal.closures], 1),
        site_label=torch.cat([torch.full_like(row_of_atom, ATOM), torch.full_like(first_row, FIRST), label], 1),
        removals=removals,
        removal_mask=removal_mask,
        stop_mask=legal.stop,
        option_mask=_option_rows(facts, legal),
    ).batch(padded=padded)
    if n_slots == width:
        return found
    # the numbers that sites and removals have among all slots
    site_of = torch.cat([slots, slots.new_full((1,), n_slots), n_slots + 1 + facts.pair_numbers])
    removal_of = torch.cat([slots, n_slots + facts.pair_numbers])
    return dataclasses.replace(
        found,
        max_nodes=n_slots,
        site_where=1 + site_of[found.site_where - 1],
        removal_action=removal_of[found.removal_action],
    )


def _option_rows(facts: Facts, legal: Legal) -> Tensor:
    """bool [8 + 1 + B N, K]: sets of orders of a closure (bit o - 1 for order o), the first atom, then atom by atom."""
    tables = facts.tables
    device = facts.types.device
    code = torch.arange(_ORDER_SETS, device=device)
    closing = torch.zeros(_ORDER_SETS, tables.n_options, dtype=torch.bool, device=device)
    orders = tables.option_order[tables.n_adds :]
    closing[:, tables.n_adds :] = (code[:, None] >> (orders - 1)) & 1 > 0
    adds = legal.adds.flatten(0, 1)
    adds = torch.cat([adds, adds.new_zeros(len(adds), tables.n_options - tables.n_adds)], 1)
    return torch.cat([closing, tables.first_mask[None], adds])
