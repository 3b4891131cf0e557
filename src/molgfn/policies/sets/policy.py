"""A policy over the members of a pool that does not know their order, nor how many there are."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from molgfn.environments.actions import listed
from molgfn.environments.base import Environment, States
from molgfn.environments.sets.encoding import SetBatch, SetSpec
from molgfn.errors import ConfigError
from molgfn.networks.mlp import mlp
from molgfn.policies.base import BackwardRule, LogZStart, Policy, PolicyOutput, own_trunks, parameters_of, spec_of
from molgfn.policies.distributions import ActionDistribution, Categorical
from molgfn.policies.distributions.pool_choice import Legal, PoolChoice
from molgfn.policies.logit_scale import LogitScale, ScaleLogits
from molgfn.policies.sets.trunk import EmbeddedPool, SetTrunk

Count = Annotated[int, Field(ge=1)]


class PoolPolicy(Policy):
    """Each member is embedded, the embeddings of a set are summed, and every candidate is scored against the sum: its
    logit is the product of a query, made of the set, with a key, made of the candidate, plus a number of its own.

    Another order of the pool gives the same probabilities in that order, and a pool of other members, or of more, needs
    no other weights (``on``).

    Args:
        width: of the members' embeddings.
        hidden: width of hidden layers.
        layers: hidden layers of each network.
        attention: learned points by which members attend to each other and to the labelled set; None: each is embedded
            by itself.
        chunk: members up to which there is a table of P_F; of larger pools P_F is computed in chunks of so many, with
            memory in proportion to it.
        share_trunk: one trunk for P_F, P_B and log F; otherwise P_B (when learned) and log F have their own. None
            shares it, but for what ``own_losses`` names.
        own_losses: groups ("backward", "flow") that a loss of their own trains.
        scale_logits: "learned": P_F's logits are multiplied by a number of the condition (see ``LogitScale``).
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).

    Reference: Malik et al. 2023, arXiv 2306.15058, section 4 (there the score is a network of both).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"set"})

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        backward_rule: BackwardRule = "uniform",
        width: Annotated[int, Field(ge=4, multiple_of=4)] = 64,
        hidden: Count = 128,
        layers: Count = 2,
        attention: Count | None = None,
        chunk: Count = 16_384,
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
        own, spec = own_trunks(share_trunk, own_losses), spec_of(self, SetSpec, "sets")
        self.chunk = chunk

        def trunk() -> SetTrunk:
            return SetTrunk(spec, width, hidden, layers, attention)

        self.trunk = trunk()
        self.backward_trunk = trunk() if "backward" in own and learned_backward else None
        self.flow_trunk = trunk() if "flow" in own else None
        self.query = nn.Linear(hidden, width + 1)
        self.key = nn.Linear(width, width + 1)
        self.backward_query = nn.Linear(hidden, width) if learned_backward else None
        if self.backward_query is not None:  # P_B starts uniform
            nn.init.zeros_(self.backward_query.weight)
            nn.init.zeros_(self.backward_query.bias)
        self.flow_head = mlp(hidden, hidden, 1, 1)
        self.logit_scale = LogitScale.of(environment, scale_logits)

    @property
    def _dense(self) -> bool:
        return listed(self.environment, "policy: PoolPolicy").n_actions - 1 <= self.chunk

    @property
    def distribution(self) -> type[ActionDistribution]:
        return Categorical if self._dense else PoolChoice

    @property
    def last_layers(self) -> list[nn.Parameter]:
        """Parameters of the query and the key of P_F, which are all that scores candidates behind the trunk."""
        return list(parameters_of(self.query, self.key))

    def on(self, environment: Environment) -> Self:
        """The same policy, with the same parameters, in an environment with another pool or labelled set.

        Raises:
            ConfigError: members there have other features, or there is a labelled set or a condition where there was
                none.
        """
        here, there = spec_of(self, SetSpec, "sets"), getattr(environment, "spec", None)
        what = ("features", "labelled", "condition")
        if not isinstance(there, SetSpec) or any(getattr(here, name) != getattr(there, name) for name in what):
            raise ConfigError(f"policy: made for {here}, it cannot act in an environment with {there}")
        other = copy.copy(self)
        other.environment = environment
        return other

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        g: SetBatch = self.environment.encode(states)
        separate_backward = self.backward_query is None or self.backward_trunk is not None
        shared = forward or (backward and not separate_backward) or (flow and self.flow_trunk is None)
        pool = self.trunk.pool(g) if shared else None
        hidden = None if pool is None else self.trunk(g, pool)
        return PolicyOutput(
            forward=self._choice(states, g, hidden, self._keys(pool)) if forward else None,  # type: ignore[arg-type]
            backward=self._backward(states, g, pool, hidden) if backward else None,
            log_flow=self._log_flow(g, hidden) if flow else None,
        )

    def for_rollout(self) -> Callable[[States], ActionDistribution]:
        with torch.no_grad():
            g: SetBatch = self.environment.encode(self.environment.initial(1, self.device))
            pool = self.trunk.pool(g)
            keys = self._keys(pool)

        @torch.no_grad()
        def choice(states: States) -> ActionDistribution:
            g: SetBatch = self.environment.encode(states)
            return self._choice(states, g, self.trunk(g, pool), keys)

        return choice

    def _keys(self, pool: EmbeddedPool) -> Tensor:
        """float [n, width + 1]: what queries are multiplied with, and the candidate's own number."""
        return self.key(pool.members[:-1])

    def _choice(self, states: States, g: SetBatch, hidden: Tensor, keys: Tensor) -> Categorical | PoolChoice:
        asked = self.query(hidden)
        scale = (keys.shape[1] - 1) ** -0.5
        queries = torch.cat([asked[:, :-1] * scale, torch.ones_like(asked[:, :1])], 1)
        if self._dense:
            logits = torch.cat([queries @ keys.T, asked[:, -1:]], 1)
            found = Categorical(logits, listed(self.environment, "PoolPolicy").forward_mask(states))
        else:
            found = PoolChoice(queries, keys, asked[:, -1], Legal(g.members, g.can_add, g.can_stop), self.chunk)
        return found if self.logit_scale is None else self.logit_scale.scaled(found, self.environment, states)

    def _backward(self, states: States, g: SetBatch, pool: EmbeddedPool | None, hidden: Tensor | None) -> Categorical:
        mask = listed(self.environment, "PoolPolicy").backward_mask(states)
        if self.backward_query is None:
            return self.fixed_backward(states, mask)
        if self.backward_trunk is not None:
            pool = self.backward_trunk.pool(g)
            hidden = self.backward_trunk(g, pool)
        members = pool.members[g.members]  # type: ignore[union-attr]
        logits = torch.einsum("bkw,bw->bk", members, self.backward_query(hidden)) * members.shape[2] ** -0.5
        return Categorical(logits, mask)

    def _log_flow(self, g: SetBatch, hidden: Tensor | None) -> Tensor:
        if self.flow_trunk is not None:
            hidden = self.flow_trunk(g, self.flow_trunk.pool(g))
        return self.flow_head(hidden).squeeze(1)

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flow_head[-1].bias.add_(amount)  # type: ignore[union-attr]

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        return {
            "forward": parameters_of(self.trunk, self.query, self.key, self.logit_scale),
            "backward": parameters_of(self.backward_trunk, self.backward_query),
            "flow": parameters_of(self.flow_trunk, self.flow_head),
        }
