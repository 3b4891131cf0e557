"""Policies of environments whose states are graphs: a trunk over nodes, heads over sites, options and removals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from molgfn.environments.base import Environment, States
from molgfn.environments.graphs import GraphBatch, GraphSpec
from molgfn.networks.embedding_sum import embedding, embedding_sum
from molgfn.networks.graph_transformer import GraphTransformer, Layout
from molgfn.networks.message_passing import MessagePassing
from molgfn.networks.mlp import mlp
from molgfn.policies.base import LogZStart, Policy, PolicyOutput
from molgfn.policies.distributions import ILLEGAL, Categorical, Packing, Staged, single


@dataclass(frozen=True)
class Embedded:
    """A batch of graphs through a trunk: ``nodes`` [n, width], ``graphs`` [B, width]."""

    nodes: Tensor
    graphs: Tensor


class GraphEncoder(nn.Module):
    """Embeddings of nodes, edges and whole graphs around a trunk."""

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

    def forward(self, g: GraphBatch) -> Embedded:
        x = embedding(self.node_type.weight, g.node_type) + embedding_sum(
            self.used_label.weight, g.node_labels, g.node_used
        )
        edges = (
            embedding(self.far_label.weight, g.edge_labels[:, 0])
            + embedding(self.near_label.weight, g.edge_labels[:, 1])
            + embedding_sum(self.far_relation.weight, g.edge_relations[:, 0], g.edge_beside[:, 0])
            + embedding_sum(self.near_relation.weight, g.edge_relations[:, 1], g.edge_beside[:, 1])
        )
        edge_index, graph, slot = g.edge_index, g.node_graph, g.node_slot
        if g.edge_mask is not None:  # pads send to a row of their own, which is cut off below
            edge_index = torch.where(g.edge_mask, edge_index, len(x))
            x = functional.pad(x, (0, 0, 0, 1))
            graph, slot = functional.pad(graph, (0, 1), value=g.n_graphs), functional.pad(slot, (0, 1))
        nodes = self.trunk(x, edge_index, edges, Layout.of(g.sizes, graph, slot, g.n_nodes, g.max_nodes))
        if g.edge_mask is not None:
            nodes = nodes[:-1]
        real = nodes if g.node_mask is None else nodes * g.node_mask[:, None]
        total = real.new_zeros(g.n_graphs, real.shape[1]).index_add(0, g.node_graph, real)
        mean = total / g.n_nodes.clamp(min=1)[:, None]
        pooled = functional.relu(self.pool(torch.cat([mean, total / self.max_nodes], 1)))
        return Embedded(nodes, torch.where((g.n_nodes == 0)[:, None], self.empty, pooled))


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

    def forward(self, g: GraphBatch, e: Embedded) -> Staged:
        # Hidden states of sites: one product per node, then a look-up per site.
        table = torch.cat([self.site(e.nodes), self.whole(e.graphs)])
        row = torch.where(g.site_node >= 0, g.site_node, len(e.nodes) + g.site_graph)
        beside = embedding_sum(self.site_relation.weight, g.site_relations, g.site_beside)
        place = embedding(self.site_label.weight, g.site_label) + beside
        hidden = functional.relu(table.index_select(0, row) + place)
        for_score, for_query = hidden.chunk(2, 1)
        logits = single(self.score(for_score).squeeze(1))  # the logit of what is illegal is beyond float16
        batch, columns = g.n_graphs, self.columns
        cell = g.site_graph * columns + g.site_where
        legal = torch.ones_like(cell, dtype=torch.bool) if g.site_mask is None else g.site_mask
        dense = logits.new_full((batch * columns,), ILLEGAL).index_copy(0, cell, logits).view(batch, columns)
        dense = torch.cat([single(self.stop(e.graphs)), dense[:, 1:]], 1)
        mask = legal.new_zeros(batch * columns).index_copy(0, cell, legal).view(batch, columns)
        mask = torch.cat([g.stop_mask[:, None], mask[:, 1:]], 1)
        site_of = cell.new_zeros(batch * columns).index_copy(0, cell, torch.arange(len(cell), device=cell.device))

        def what(rows: Tensor, chosen: Tensor) -> Categorical:
            site = site_of[rows * columns + chosen[:, 0]]
            logits = self.keys(functional.relu(self.query(for_query.index_select(0, site))))
            logits = logits.index_select(1, self.option_label)
            return Categorical(logits, g.option_mask.index_select(0, g.site_options[site]))

        return Staged(Categorical(dense, mask), what, packing=Packing((self.options,)))


class BackwardHead(nn.Module):
    """One logit per removable node; zero at first, so P_B starts uniform (arXiv 2410.15474)."""

    def __init__(self, spec: GraphSpec, width: int) -> None:
        super().__init__()
        self.score = mlp(width, width, 1, 1)
        last = self.score[-1]
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, nodes: Tensor) -> Tensor:
        return self.score(nodes).squeeze(1)


class GraphPolicy(Policy):
    """P_F, P_B and log F on graph states; the subclasses choose the trunk.

    Args:
        trunk: makes a new trunk, called as ``networks.GraphTransformer`` is.
        width: size of all hidden states.
        share_trunk: one trunk for P_F, P_B and log F; otherwise P_B (when learned) and log F have their own, and an
            objective that trains only one of them leaves the others as they are. None shares it, but for what
            ``own_losses`` names.
        own_losses: groups ("backward", "flow") that a loss of their own trains.
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"graph"})

    def __init__(
        self,
        *,
        environment: Environment,
        trunk: Callable[[], nn.Module],
        learned_backward: bool,
        width: int,
        share_trunk: bool | None,
        own_losses: frozenset[str],
        initial_log_z: LogZStart,
    ) -> None:
        super().__init__(environment=environment, learned_backward=learned_backward, initial_log_z=initial_log_z)
        spec: GraphSpec = environment.spec  # type: ignore[attr-defined]
        self.spec = spec
        self.encoder = GraphEncoder(spec, width, trunk())
        own = own_losses if share_trunk is None else frozenset() if share_trunk else frozenset({"backward", "flow"})
        self.backward_encoder = GraphEncoder(spec, width, trunk()) if "backward" in own and learned_backward else None
        self.flow_encoder = GraphEncoder(spec, width, trunk()) if "flow" in own else None
        self.forward_head = ForwardHead(spec, width)
        self.backward_head = BackwardHead(spec, width) if learned_backward else None
        self.flow_head = mlp(width, width, 1, 1)

    @property
    def distribution(self) -> type[Staged]:
        return Staged

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        g: GraphBatch = self.environment.encode(states)
        separate_backward = self.backward_head is None or self.backward_encoder is not None
        needs_shared = forward or (backward and not separate_backward) or (flow and self.flow_encoder is None)
        shared = self.encoder(g) if needs_shared else None
        return PolicyOutput(
            forward=self.forward_head(g, shared) if forward else None,
            backward=self._backward(states, g, shared) if backward else None,
            log_flow=self._log_flow(g, shared) if flow else None,
        )

    def _backward(self, states: States, g: GraphBatch, shared: Embedded | None) -> Categorical:
        cell = g.removal_graph * self.spec.removals + g.removal_action
        legal = torch.ones_like(cell, dtype=torch.bool) if g.removal_mask is None else g.removal_mask
        size = g.n_graphs * self.spec.removals
        mask = legal.new_zeros(size).index_copy(0, cell, legal).view(g.n_graphs, -1)
        if self.backward_head is None:
            return self.fixed_backward(states, mask)
        embedded = shared if self.backward_encoder is None else self.backward_encoder(g)
        logits = self.backward_head(embedded.nodes).index_select(0, g.removal_node)  # type: ignore[union-attr]
        return Categorical(logits.new_zeros(size).index_copy(0, cell, logits).view(g.n_graphs, -1), mask)

    def _log_flow(self, g: GraphBatch, shared: Embedded | None) -> Tensor:
        embedded = shared if self.flow_encoder is None else self.flow_encoder(g)
        return self.flow_head(embedded.graphs).squeeze(1)  # type: ignore[union-attr]

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flow_head[-1].bias.add_(amount)  # type: ignore[union-attr, operator]

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        def of(*modules: nn.Module | None) -> Iterable[nn.Parameter]:
            return itertools.chain(*(m.parameters() for m in modules if m is not None))

        return {
            "forward": of(self.encoder, self.forward_head),
            "backward": of(self.backward_encoder, self.backward_head),
            "flow": of(self.flow_encoder, self.flow_head),
        }


class GraphTransformerPolicy(GraphPolicy):
    """Graph transformer trunk; sees the whole graph in every layer.

    Args:
        width: size of all hidden states; a multiple of ``heads``.
        layers: layers of the trunk.
        heads: attention heads.
        expansion: hidden size of the feed-forward blocks over ``width``.
        share_trunk: one trunk for P_F, P_B and log F; None: but for what a loss of its own trains (a critic, TLM).
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        width: Annotated[int, Field(ge=8)] = 128,
        layers: Annotated[int, Field(ge=1)] = 4,
        heads: Annotated[int, Field(ge=1)] = 4,
        expansion: Annotated[int, Field(ge=1)] = 4,
        share_trunk: bool | None = None,
        own_losses: frozenset[str] = frozenset(),
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            trunk=partial(GraphTransformer, width=width, layers=layers, heads=heads, expansion=expansion),
            learned_backward=learned_backward,
            width=width,
            share_trunk=share_trunk,
            own_losses=own_losses,
            initial_log_z=initial_log_z,
        )


class MessagePassingPolicy(GraphPolicy):
    """Message-passing trunk of torch-geometric; cheaper per layer, sees as many joins far as it has layers.

    Args:
        width: size of all hidden states.
        layers: layers of the trunk.
        convolution: "gine" or "gatv2".
        share_trunk: one trunk for P_F, P_B and log F; None: but for what a loss of its own trains (a critic, TLM).
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        width: Annotated[int, Field(ge=8)] = 128,
        layers: Annotated[int, Field(ge=1)] = 4,
        convolution: Literal["gine", "gatv2"] = "gine",
        share_trunk: bool | None = None,
        own_losses: frozenset[str] = frozenset(),
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            trunk=partial(MessagePassing, width=width, layers=layers, convolution=convolution),
            learned_backward=learned_backward,
            width=width,
            share_trunk=share_trunk,
            own_losses=own_losses,
            initial_log_z=initial_log_z,
        )
