"""Choices over the sites and removals of graphs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from molgfn.environments.graphs import Element, GraphBatch, GraphSpec
from molgfn.networks.embedding_sum import embedding, embedding_sum
from molgfn.networks.mlp import mlp
from molgfn.policies.distributions import ILLEGAL, Categorical, Packing, Staged, single
from molgfn.policies.graph_encoder import Embedded
from molgfn.policies.hypernetwork import Change


class ForwardHead(nn.Module):
    """where = stop or a site; what = one of K options at that site."""

    def __init__(self, spec: GraphSpec, width: int) -> None:
        super().__init__()
        self.columns, self.options = spec.where, spec.options
        self.stop = mlp(width, width, 1, 1)
        self.site = nn.Linear(width, 2 * width)
        self.site_label = nn.Embedding(spec.labels, 2 * width)
        self.site_relation = nn.Embedding(spec.relations, 2 * width)
        self.whole = nn.Linear(width, 2 * width)
        self.score = nn.Linear(width, 1)
        self.query = nn.Linear(width, width)
        # Options that a symmetry takes into each other share a logit.
        self.keys = nn.Linear(width, max(spec.option_label) + 1)
        self.register_buffer("option_label", torch.tensor(spec.option_label), persistent=False)
        self.beside = _Beside(spec.sites, width, 2 * width) if spec.sites else None

    @property
    def last(self) -> list[nn.Linear]:
        """The last layers: of stop, of sites, of what is put there."""
        return [self.stop[-1], self.score, self.keys]  # type: ignore[list-item]

    def forward(self, g: GraphBatch, e: Embedded, changes: Sequence[Change] | None = None) -> Staged:
        """The choice of the B graphs; ``changes`` of the last layers."""
        of_stop, of_score, of_keys = changes or (None, None, None)
        # Hidden states of sites: one product per node, then a look-up per site.
        nodes = self.site(e.nodes)
        node = g.site_node if self.beside is None else _ends(g.site_node, g.site_edge, g.edge_index[0])
        if (
            not torch.is_grad_enabled()
            and g.sizes is not None
            and node.device.type == "cpu"
            and bool((node >= 0).all())
        ):
            table, row = nodes, node  # most steps of a rollout have no site that is the whole graph
        else:
            table = torch.cat([nodes, self.whole(e.graphs)])
            row = torch.where(node >= 0, node, len(e.nodes) + g.site_graph)
        place = embedding(self.site_label.weight, g.site_label)
        if g.site_relations.shape[1]:
            place = place + embedding_sum(self.site_relation.weight, g.site_relations, g.site_beside)
        hidden = table.index_select(0, row) + place
        if self.beside is not None:
            hidden = hidden + self.beside(nodes, e.edges, g.edge_index, g.site_other, g.site_edge, len(hidden))
        for_score, for_query = functional.relu(hidden).chunk(2, 1)
        score = self.score(for_score)
        if of_score is not None:
            score = score + of_score(for_score, g.site_graph)
        logits = single(score.squeeze(1))  # the logit of what is illegal is beyond float16
        batch, columns = g.n_graphs, self.columns
        cell = g.site_graph * columns + g.site_where
        legal = torch.ones_like(cell, dtype=torch.bool) if g.site_mask is None else g.site_mask
        dense = logits.new_full((batch * columns,), ILLEGAL).index_copy(0, cell, logits).view(batch, columns)
        stop = self.stop(e.graphs)
        if of_stop is not None:
            stop = stop + of_stop(self.stop[:-1](e.graphs))
        dense = torch.cat([single(stop), dense[:, 1:]], 1)
        mask = legal.new_zeros(batch * columns).index_copy(0, cell, legal).view(batch, columns)
        mask = torch.cat([g.stop_mask[:, None], mask[:, 1:]], 1)
        site_of = cell.new_zeros(batch * columns).index_copy(0, cell, torch.arange(len(cell), device=cell.device))

        def what(rows: Tensor, chosen: Tensor) -> Categorical:
            site = site_of.index_select(0, rows * columns + chosen[:, 0])
            hidden = functional.relu(self.query(for_query.index_select(0, site)))
            logits = self.keys(hidden)
            if of_keys is not None:
                logits = logits + of_keys(hidden, rows)
            logits = logits.index_select(1, self.option_label)
            return Categorical(logits, g.option_mask.index_select(0, g.site_options.index_select(0, site)))

        return Staged(Categorical(dense, mask), what, packing=Packing((self.options,)))


class BackwardHead(nn.Module):
    """One logit per removal; zero at first, so P_B starts uniform (arXiv 2410.15474)."""

    def __init__(self, spec: GraphSpec, width: int) -> None:
        super().__init__()
        self.score = mlp(width, width, 1, 1)
        last = self.score[-1]
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.beside = _Beside(spec.removed, width, width) if spec.removed else None

    def forward(self, g: GraphBatch, e: Embedded) -> Tensor:
        """[l]"""
        if self.beside is None:  # one product per node, then a look-up
            return self.score(e.nodes).squeeze(1).index_select(0, g.removal_node)
        node = _ends(g.removal_node, g.removal_edge, g.edge_index[0])
        row = torch.where(node >= 0, node, len(e.nodes) + g.removal_graph)
        hidden = torch.cat([e.nodes, e.graphs]).index_select(0, row)
        beside = self.beside(e.nodes, e.edges, g.edge_index, g.removal_other, g.removal_edge, len(hidden))
        return self.score(hidden + beside).squeeze(1)


class _Beside(nn.Module):
    """What pairs and edges have beside their first node: the second node, equal in rights, and the edge itself."""

    def __init__(self, elements: frozenset[Element], width: int, out: int) -> None:
        super().__init__()
        self.pair = nn.Parameter(torch.zeros(out)) if "pair" in elements else None
        self.edge = nn.Linear(width, out) if "edge" in elements else None

    def forward(
        self,
        nodes: Tensor,
        edges: Tensor | None,
        edge_index: Tensor,
        other: Tensor | None,
        edge: Tensor | None,
        n: int,
    ) -> Tensor:
        """[n, out], 0 for single nodes and whole graphs; ``nodes`` as first nodes are read, ``edges`` [E/2, width]."""
        found = nodes.new_zeros(n, nodes.shape[1])
        if self.pair is not None and other is not None:
            found = found + _rows(nodes, other) + (other >= 0)[:, None] * self.pair
        if self.edge is not None and edge is not None:
            second = _ends(torch.full_like(edge, -1), edge, edge_index[1])
            found = found + _rows(nodes, second) + _rows(self.edge(edges), edge)
        return found


def _ends(node: Tensor, edge: Tensor | None, end: Tensor) -> Tensor:
    """``node`` [m], with that end (a row of ``GraphBatch.edge_index``) of an edge where there is an edge instead."""
    if edge is None:
        return node
    return torch.where(edge >= 0, _rows(end, edge), node)


def _rows(table: Tensor, index: Tensor) -> Tensor:
    """``table`` [n, ...] at ``index`` [m], 0 where it is -1."""
    blank = torch.cat([table, table.new_zeros(1, *table.shape[1:])])
    return blank.index_select(0, torch.where(index >= 0, index, len(table)))
