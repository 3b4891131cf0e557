"""Policies of environments whose states are graphs: a trunk over nodes, heads over sites, options and removals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from molgfn.environments.base import Environment, States
from molgfn.environments.graphs import GraphBatch, GraphSpec
from molgfn.networks.graph_transformer import GraphTransformer
from molgfn.networks.message_passing import MessagePassing
from molgfn.networks.mlp import mlp
from molgfn.networks.recording import Recording
from molgfn.policies.base import BackwardRule, LogZStart, Policy, PolicyOutput, own_trunks, parameters_of, spec_of
from molgfn.policies.distributions import Categorical, Staged
from molgfn.policies.graph_encoder import Embedded, GraphEncoder
from molgfn.policies.graph_heads import BackwardHead, ForwardHead
from molgfn.policies.hypernetwork import Head, Hypernetwork
from molgfn.policies.logit_scale import LogitScale, ScaleLogits


class GraphPolicy(Policy):
    """P_F, P_B and log F on graph states; the subclasses choose the trunk.

    Args:
        trunk: makes a new trunk, called as ``networks.GraphTransformer`` is.
        width: size of all hidden states.
        share_trunk: one trunk for P_F, P_B and log F; otherwise P_B (when learned) and log F have their own, and an
            objective that trains only one of them leaves the others as they are. None shares it, but for what
            ``own_losses`` names.
        own_losses: groups ("backward", "flow") that a loss of their own trains.
        scale_logits: "learned": P_F's logits are multiplied by a number of the condition (see ``LogitScale``).
        head: "hypernetwork": the weights of P_F's last layers depend on the condition (see ``Hypernetwork``).
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
        backward_rule: BackwardRule,
        width: int,
        share_trunk: bool | None,
        own_losses: frozenset[str],
        scale_logits: ScaleLogits,
        head: Head,
        initial_log_z: LogZStart,
    ) -> None:
        super().__init__(
            environment=environment,
            learned_backward=learned_backward,
            backward_rule=backward_rule,
            initial_log_z=initial_log_z,
        )
        own = own_trunks(share_trunk, own_losses)
        self.spec = spec = spec_of(self, GraphSpec, "graphs")
        self.encoder = GraphEncoder(spec, width, trunk())
        self.backward_encoder = GraphEncoder(spec, width, trunk()) if "backward" in own and learned_backward else None
        self.flow_encoder = GraphEncoder(spec, width, trunk()) if "flow" in own else None
        self.forward_head = ForwardHead(spec, width)
        self.backward_head = BackwardHead(spec, width) if learned_backward else None
        self.flow_head = mlp(width, width, 1, 1)
        self.logit_scale = LogitScale.of(environment, scale_logits)
        self.hypernetwork = Hypernetwork.of(environment, head, self.forward_head.last)

    @property
    def distribution(self) -> type[Staged]:
        return Staged

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        g: GraphBatch = self.environment.encode(states) if backward else self.environment.encode_forward(states)
        separate_backward = self.backward_head is None or self.backward_encoder is not None
        needs_shared = forward or (backward and not separate_backward) or (flow and self.flow_encoder is None)
        shared = self.encoder(g) if needs_shared else None
        return PolicyOutput(
            forward=self._forward(states, g, shared) if forward else None,
            backward=self._backward(states, g, shared) if backward else None,
            log_flow=self._log_flow(g, shared) if flow else None,
        )

    def _forward(self, states: States, g: GraphBatch, shared: Embedded | None) -> Staged:
        changes = None if self.hypernetwork is None else self.hypernetwork.changes(self.environment, states)
        choice: Staged = self.forward_head(g, shared, changes)
        return choice if self.logit_scale is None else self.logit_scale.scaled(choice, self.environment, states)

    def _backward(self, states: States, g: GraphBatch, shared: Embedded | None) -> Categorical:
        cell = g.removal_graph * self.spec.removals + g.removal_action
        legal = torch.ones_like(cell, dtype=torch.bool) if g.removal_mask is None else g.removal_mask
        size = g.n_graphs * self.spec.removals
        mask = legal.new_zeros(size).index_copy(0, cell, legal).view(g.n_graphs, -1)
        if self.backward_head is None:
            return self.fixed_backward(states, mask)
        embedded = shared if self.backward_encoder is None else self.backward_encoder(g)
        logits = self.backward_head(g, embedded)
        return Categorical(logits.new_zeros(size).index_copy(0, cell, logits).view(g.n_graphs, -1), mask)

    def _log_flow(self, g: GraphBatch, shared: Embedded | None) -> Tensor:
        embedded = shared if self.flow_encoder is None else self.flow_encoder(g)
        return self.flow_head(embedded.graphs).squeeze(1)  # type: ignore[union-attr]

    @contextmanager
    def recording(self) -> Iterator[Recording | None]:
        with self.encoder.recording() as recorded:
            yield recorded

    @contextmanager
    def knowing(self, recorded: Recording, order: Tensor) -> Iterator[None]:
        with self.encoder.knowing(recorded, order):
            yield

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flow_head[-1].bias.add_(amount)  # type: ignore[union-attr, operator]

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        return {
            "forward": parameters_of(self.encoder, self.forward_head, self.logit_scale, self.hypernetwork),
            "backward": parameters_of(self.backward_encoder, self.backward_head),
            "flow": parameters_of(self.flow_encoder, self.flow_head),
        }


class GraphTransformerPolicy(GraphPolicy):
    """Graph transformer trunk; sees the whole graph in every layer.

    Args:
        width: size of all hidden states; a multiple of ``heads``.
        layers: layers of the trunk.
        heads: attention heads.
        expansion: hidden size of the feed-forward blocks over ``width``.
        share_trunk: one trunk for P_F, P_B and log F; None: but for what a loss of its own trains (a critic, TLM).
        own_losses: see ``GraphPolicy``.
        scale_logits: "learned": P_F's logits are multiplied by a number of the condition (see ``LogitScale``).
        head: "hypernetwork": the weights of P_F's last layers depend on the condition (see ``Hypernetwork``).
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        backward_rule: BackwardRule = "uniform",
        width: Annotated[int, Field(ge=8)] = 128,
        layers: Annotated[int, Field(ge=1)] = 4,
        heads: Annotated[int, Field(ge=1)] = 4,
        expansion: Annotated[int, Field(ge=1)] = 4,
        share_trunk: bool | None = None,
        own_losses: frozenset[str] = frozenset(),
        scale_logits: ScaleLogits = None,
        head: Head = None,
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            trunk=partial(GraphTransformer, width=width, layers=layers, heads=heads, expansion=expansion),
            learned_backward=learned_backward,
            backward_rule=backward_rule,
            width=width,
            share_trunk=share_trunk,
            own_losses=own_losses,
            scale_logits=scale_logits,
            head=head,
            initial_log_z=initial_log_z,
        )


class MessagePassingPolicy(GraphPolicy):
    """Message-passing trunk of torch-geometric; cheaper per layer, sees as many joins far as it has layers.

    Args:
        width: size of all hidden states.
        layers: layers of the trunk.
        convolution: "gine" or "gatv2".
        share_trunk: one trunk for P_F, P_B and log F; None: but for what a loss of its own trains (a critic, TLM).
        own_losses: see ``GraphPolicy``.
        scale_logits: "learned": P_F's logits are multiplied by a number of the condition (see ``LogitScale``).
        head: "hypernetwork": the weights of P_F's last layers depend on the condition (see ``Hypernetwork``).
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        backward_rule: BackwardRule = "uniform",
        width: Annotated[int, Field(ge=8)] = 128,
        layers: Annotated[int, Field(ge=1)] = 4,
        convolution: Literal["gine", "gatv2"] = "gine",
        share_trunk: bool | None = None,
        own_losses: frozenset[str] = frozenset(),
        scale_logits: ScaleLogits = None,
        head: Head = None,
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            trunk=partial(MessagePassing, width=width, layers=layers, convolution=convolution),
            learned_backward=learned_backward,
            backward_rule=backward_rule,
            width=width,
            share_trunk=share_trunk,
            own_losses=own_losses,
            scale_logits=scale_logits,
            head=head,
            initial_log_z=initial_log_z,
        )
