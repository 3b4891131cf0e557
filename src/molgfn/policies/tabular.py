"""One logit per state and action: exact, for small environments and tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from molgfn.environments.actions import ActionsInParts, listed
from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import enumerable
from molgfn.errors import ConfigError
from molgfn.policies.base import BackwardRule, LogZStart, Policy, PolicyOutput
from molgfn.policies.distributions import Categorical, Staged
from molgfn.policies.parts import PartsTable, even_parts, legal_parts


class TabularPolicy(Policy):
    """Tables of logits and log-flows, all zero at first, for an environment that numbers its states.

    Args:
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector", "graph", "set"})
    #: nn.Parameter [n_states, A] for listed actions, a ``PartsTable`` for actions in parts
    forward_logits: Any
    #: the same of backward actions
    backward_logits: Any

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        backward_rule: BackwardRule = "uniform",
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            learned_backward=learned_backward,
            backward_rule=backward_rule,
            initial_log_z=initial_log_z,
        )
        n = enumerable(environment, "policy: TabularPolicy").n_states
        if n is None:
            raise ConfigError(f"policy: TabularPolicy needs numbered states, which {type(environment).__name__} lacks")
        if isinstance(environment, ActionsInParts):
            self.forward_logits = PartsTable(n, environment.parts)
            self.backward_logits = PartsTable(n, environment.backward_parts)
        else:
            listing = listed(environment, "policy: TabularPolicy")
            self.forward_logits = nn.Parameter(torch.zeros(n, listing.n_actions))
            self.backward_logits = nn.Parameter(torch.zeros(n, listing.n_backward_actions))
        self.backward_logits.requires_grad_(learned_backward)
        self.flows = nn.Parameter(torch.zeros(n))

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        index = enumerable(self.environment, "TabularPolicy").index(states)
        return PolicyOutput(
            forward=self._forward(index, states) if forward else None,
            backward=self._backward(index, states) if backward else None,
            log_flow=self.flows[index] if flow else None,
        )

    def _forward(self, index: Tensor, states: States) -> Categorical | Staged:
        e = self.environment
        if isinstance(e, ActionsInParts):
            return self.forward_logits(index, legal_parts(e, states))
        return Categorical(self.forward_logits[index], listed(e, "TabularPolicy").forward_mask(states))

    def _backward(self, index: Tensor, states: States) -> Categorical | Staged:
        e, learned = self.environment, self.learned_backward
        if isinstance(e, ActionsInParts):
            legal = legal_parts(e, states, backward=True)
            if learned:
                return self.backward_logits(index, legal)
            return self.fixed_backward_of_parts(states, even_parts(e.backward_parts, legal, self.flows[index]))
        mask = listed(e, "TabularPolicy").backward_mask(states)
        return Categorical(self.backward_logits[index], mask) if learned else self.fixed_backward(states, mask)

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flows.add_(amount)

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        def of(table: Any) -> list[nn.Parameter]:
            return [table] if isinstance(table, nn.Parameter) else list(table.parameters())

        return {
            "forward": of(self.forward_logits),
            "backward": of(self.backward_logits) if self.learned_backward else [],
            "flow": [self.flows],
        }
