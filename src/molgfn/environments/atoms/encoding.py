"""Graphs of atoms as graph policies read them."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.atoms.legal import FARTHEST, Facts, Legal
from molgfn.environments.atoms.ring_limits import packed
from molgfn.environments.graphs import GraphBatch, GraphSpec
from molgfn.environments.plain_graphs import PlainGraphs

#: labels of sites: an atom, the first atom, and pairs at distance 2, 3 ...; further than ``FARTHEST`` is one label
ATOM, FIRST, PAIR = 0, 1, 2
#: free valence, degree (both in quarters), 1 in a ring
NODE_FEATURES = 3
#: combinations of orders by which a ring can be closed
_ORDER_SETS = 8


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
    facts: Facts,
    legal: Legal,
    removable: tuple[Tensor, Tensor],
    pairs: Tensor,
    far: Tensor,
    *,
    most_bonds: int,
    padded: bool,
) -> GraphBatch:
    """The graphs, packed or padded (see ``environments.graphs``).

    Args:
        facts: about B states.
        legal: what may be done.
        removable: atoms bool [B, N] and bonds bool [B, N, N] that a backward action may remove.
        pairs: int64 [2, P], slots of pairs.
        far: int64 [B, P], distances.
        most_bonds: M.
        padded: every slot with a mask, instead of real entries only.
    """
    tables, rings, types = facts.tables, facts.rings, facts.types
    batch, width = types.shape
    device, real = types.device, rings.real
    i, j = pairs
    n_pairs = len(i)

    joined = rings.joined[:, i, j]
    ends, there = packed(joined, pairs.T, most_bonds if padded else None)
    row = torch.arange(batch, device=device)[:, None]
    order = facts.states.bonds[row, ends[:, :, 0], ends[:, :, 1]].long()
    ring = rings.ring_bond[row, ends[:, :, 0], ends[:, :, 1]]

    blank = torch.full((1 + width + n_pairs,), -1, dtype=torch.int64, device=device)
    slots = torch.arange(width, device=device)
    first_end = torch.cat([slots, blank[:1], i])
    sites = torch.stack([first_end, torch.cat([blank[: width + 1], j]), blank], 1)
    places = legal.closures.any(2)
    closed_by = (legal.closures[:, :, 1:] * (1 << torch.arange(3, device=device))).sum(2)
    row_of_atom = _ORDER_SETS + 1 + torch.arange(batch * width, device=device).view(batch, width)
    first_row = torch.full((batch, 1), _ORDER_SETS, device=device)
    label = PAIR + far.clamp(2, FARTHEST) - 2
    atoms, bonds = removable
    taken = bonds[:, i, j]
    of_pair = torch.cat([blank[:width].expand(batch, width), joined.cumsum(1) - 1], 1)
    ended = torch.stack([torch.cat([slots, blank[:n_pairs]]), blank[: width + n_pairs]], 1)
    removals = torch.cat([ended.expand(batch, -1, 2), of_pair[:, :, None]], 2)
    free = facts.free.to(torch.get_default_dtype())
    return PlainGraphs(
        node_mask=real,
        node_type=types - 1,
        node_features=torch.stack([free / 4, rings.degree / 4, rings.in_ring], 2).to(free.dtype),
        edges=ends,
        edge_mask=there,
        edge_type=order,
        edge_features=ring[:, :, None].to(free.dtype),
        sites=sites.expand(batch, -1, 3),
        site_mask=torch.cat([legal.adds.any(2), legal.first[:, None], places], 1),
        site_options=torch.cat([row_of_atom, first_row, closed_by], 1),
        site_label=torch.cat([torch.full_like(row_of_atom, ATOM), torch.full_like(first_row, FIRST), label], 1),
        removals=removals,
        removal_mask=torch.cat([atoms, taken], 1),
        stop_mask=legal.stop,
        option_mask=_option_rows(facts, legal),
    ).batch(padded=padded)


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
