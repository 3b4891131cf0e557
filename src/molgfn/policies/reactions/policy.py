"""The policy of an environment of reactions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from molgfn.environments.base import Environment, States
from molgfn.environments.reactions.encoding import ReactionBatch, ReactionSpec
from molgfn.networks.mlp import mlp
from molgfn.networks.recording import Recording
from molgfn.policies.base import BackwardRule, LogZStart, Policy, PolicyOutput, own_trunks, parameters_of, spec_of
from molgfn.policies.distributions import ActionDistribution, Categorical, Staged
from molgfn.policies.distributions.chosen_branch import ChosenBranch
from molgfn.policies.distributions.in_chunks import Sets
from molgfn.policies.logit_scale import LogitScale, ScaleLogits
from molgfn.policies.reactions.backward_head import BackwardHead
from molgfn.policies.reactions.forward_head import BlockSets, ForwardHead
from molgfn.policies.reactions.trunk import Features, ReactionTrunk


class ReactionPolicy(Policy):
    """Graph transformer over the molecule; heads for reactions, blocks, products and ways back.

    Args:
        width: size of all hidden states; a multiple of ``heads``.
        layers: layers of the graph transformer.
        heads: attention heads.
        expansion: hidden size of the feed-forward blocks over ``width``.
        blocks_at_once: blocks up to which all are scored side by side; more are scored in chunks, exactly, too, but
            without entropy and KL divergence, so that objectives which need these are refused.
        one_hot: share of what a block's embedding knows of the block itself, in [0, 1]; the rest is a network of its
            fingerprint.
        share_trunk: one trunk for P_F, P_B and log F; None: but for what a loss of its own trains (a critic, TLM).
        own_losses: groups ("backward", "flow") that a loss of their own trains.
        scale_logits: "learned": P_F's logits are multiplied by a number of the condition (see ``LogitScale``).
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).

    Reference: the choice by the product of state and block embeddings as in SCENT, Gaiński et al. 2025,
        arXiv 2506.19865.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"reactions"})

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        backward_rule: BackwardRule = "uniform",
        width: Annotated[int, Field(ge=8)] = 64,
        layers: Annotated[int, Field(ge=1)] = 4,
        heads: Annotated[int, Field(ge=1)] = 4,
        expansion: Annotated[int, Field(ge=1)] = 4,
        one_hot: Annotated[float, Field(ge=0, le=1)] = 0.5,
        blocks_at_once: Annotated[int, Field(ge=0)] = 5000,
        share_trunk: bool | None = None,
        own_losses: frozenset[str] = frozenset(),
        scale_logits: ScaleLogits = None,
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            learned_backward=learned_backward,
            backward_rule=backward_rule,
            initial_log_z=initial_log_z,
        )
        own = own_trunks(share_trunk, own_losses)
        spec = spec_of(self, ReactionSpec, "reactions")
        self.reactions: Any = environment
        trunk = partial(
            ReactionTrunk,
            spec,
            self.reactions.block_fingerprints,
            width=width,
            layers=layers,
            heads=heads,
            expansion=expansion,
            one_hot=one_hot,
        )
        self.trunk = trunk()
        self.backward_trunk = trunk() if "backward" in own and learned_backward else None
        self.flow_trunk = trunk() if "flow" in own else None
        self.forward_head = ForwardHead(spec, width)
        self.in_chunks = spec.blocks > blocks_at_once
        tables = self.reactions.tables
        sets = Sets.of(tables.sets) if self.in_chunks else None
        self.register_buffer("_members", None if sets is None else sets.members, persistent=False)
        self._ends = None if sets is None else sets.ends
        self.register_buffer("_others", tables.others, persistent=False)
        self.backward_head = BackwardHead(spec, width) if learned_backward else None
        self.flow_head = mlp(width, width, 1, 1)
        self.logit_scale = LogitScale.of(environment, scale_logits)

    @property
    def distribution(self) -> type[ActionDistribution]:
        return ChosenBranch if self.in_chunks else Staged

    def for_rollout(self) -> Callable[[States], ActionDistribution]:
        with torch.no_grad():
            blocks = self.trunk.blocks()  # once for all steps
        into = self.trunk.encoder.into
        whole = into is not None and (self.records_flow or self._backward_shares)
        if into is not None:
            into.whole = whole

        def choice(states: States) -> ActionDistribution:
            batch: ReactionBatch = self.environment.encode(states)
            return self._forward(states, batch, self.trunk(batch, blocks, whole=whole))

        return choice

    @property
    def _backward_shares(self) -> bool:
        """P_B reads what the trunk of P_F makes of a state."""
        return self.backward_head is not None and self.backward_trunk is None

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        batch: ReactionBatch = self.environment.encode(states)
        # where nothing is left to choose, P_F is 1 whatever the molecule; the others read it
        whole = (backward and self._backward_shares) or (flow and self.flow_trunk is None)
        with self.trunk.encoder.knowing_enough(whole=whole):
            shared = self.trunk(batch, whole=whole) if forward or whole else None
        return PolicyOutput(
            forward=self._forward(states, batch, shared) if forward else None,
            backward=self._backward(states, batch, shared) if backward else None,
            log_flow=self._log_flow(batch, shared) if flow else None,
        )

    def _forward(self, states: States, batch: ReactionBatch, shared: Features | None) -> Staged | ChosenBranch:
        assert shared is not None
        legal, head = self.reactions.legal_part, self.forward_head
        choice: Staged | ChosenBranch
        if self.in_chunks:
            sets = BlockSets(Sets(self._members, self._ends), self._others)  # type: ignore[arg-type]
            choice = head.branch(batch, shared, legal, sets)
        else:
            choice = head.choice(batch, shared, legal)
        return choice if self.logit_scale is None else self.logit_scale.scaled(choice, self.environment, states)

    def _backward(self, states: States, batch: ReactionBatch, shared: Features | None) -> Staged:
        if self.backward_head is None:  # nothing is read of where the ways lead, which would have to be looked at
            counts = self.reactions.way_counts(batch.nodes).to(states.device)
            width = max(int(counts.max()), 1) if len(counts) else 1
            mask = torch.arange(width, device=states.device) < counts[:, None]
            even = torch.zeros(mask.shape, dtype=self.dtype, device=states.device)
            return self.fixed_backward_of_parts(states, Staged(Categorical(even, mask)))
        ways = self.reactions.ways_of(batch, states.device)
        features = shared if self.backward_trunk is None else self.backward_trunk(batch)
        return self.backward_head(ways, features)

    def _log_flow(self, batch: ReactionBatch, shared: Features | None) -> Tensor:
        features: Features = shared if self.flow_trunk is None else self.flow_trunk(batch)  # type: ignore[assignment]
        return self.flow_head(features.states).squeeze(1)

    @contextmanager
    def recording(self) -> Iterator[Recording | None]:
        with self.trunk.encoder.recording() as recorded:
            yield recorded

    @contextmanager
    def knowing(self, recorded: Recording, order: Tensor) -> Iterator[None]:
        with self.trunk.encoder.knowing(recorded, order):
            yield

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flow_head[-1].bias.add_(amount)  # type: ignore[union-attr, operator]

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        return {
            "forward": parameters_of(self.trunk, self.forward_head, self.logit_scale),
            "backward": parameters_of(self.backward_trunk, self.backward_head),
            "flow": parameters_of(self.flow_trunk, self.flow_head),
        }
