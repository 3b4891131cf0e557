"""How likely each of several samplers is to come through a state: learned flows, or a table of exact numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from molgfn.environments.base import Environment, States
from molgfn.environments.conditional import Conditional, ConditionalStates, without_condition
from molgfn.environments.enumerable import Enumerable, enumerable
from molgfn.errors import ConfigError, ContractError
from molgfn.policies.base import Policy


@dataclass(frozen=True)
class Member:
    """One of the policies of a composition.

    Attributes:
        policy: trained in ``environment``.
        environment: without a condition, or under one fixed condition (``Conditional.at``), which then is this
            member's own: the others need not share it.
        log_z: its log Z; None where nobody knows it.
    """

    policy: Policy
    environment: Environment
    log_z: float | None = None

    @property
    def plain(self) -> Environment:
        """The environment without the condition."""
        return without_condition(self.environment)

    def states(self, plain: States) -> States:
        """States of ``self.plain`` as this member reads them."""
        if not isinstance(self.environment, Conditional):
            return plain
        values = self.environment.given.row().to(plain.device)
        return ConditionalStates(inner=plain, values=values.repeat(len(plain), 1))

    @torch.no_grad()
    def log_flow_at_source(self) -> float:
        """log F(s0) of the flow head."""
        source = self.states(self.plain.initial(1, self.policy.device))
        flow = self.policy(source, forward=False, flow=True).log_flow
        if flow is None:
            raise ContractError(f"{type(self.policy).__name__} returned no flow though it was asked for one")
        return float(flow)


class ReachTable(nn.Module):
    """log u_i(s) of k samplers at every state of an environment that can be listed.

    Args:
        environment: without a condition.
        states: all M states, each once (``enumeration.StateGraph.states``).
        log_reach: float64 [M, k].

    Raises:
        ConfigError: the states have no keys, or two of them have the same hash.
    """

    index: Tensor
    log_reach: Tensor

    def __init__(self, environment: Environment, states: States, log_reach: Tensor) -> None:
        super().__init__()
        self.environment: Enumerable = enumerable(environment, "compose: exact flows")
        index, order = torch.sort(self._number(states))
        if bool((index[1:] == index[:-1]).any()):
            raise ConfigError(
                "compose: two states have the same hash, so exact flows cannot be looked up; take learned"
            )
        self.register_buffer("index", index, persistent=False)
        self.register_buffer("log_reach", log_reach.double()[order], persistent=False)

    def _number(self, states: States) -> Tensor:
        return self.environment.hashes(states) if self.environment.n_states is None else self.environment.index(states)

    def forward(self, states: States) -> Tensor:
        """float64 [B, k] of states [B] of the environment; no wait for the device."""
        row = torch.searchsorted(self.index, self._number(states))
        return self.log_reach[row.clamp(max=len(self.index) - 1)]
