"""One logit per state and action: exact, for small environments and tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from molgfn.environments.actions import listed
from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import enumerable
from molgfn.errors import ConfigError
from molgfn.policies.base import LogZStart, Policy, PolicyOutput
from molgfn.policies.distributions import Categorical, Staged
from molgfn.policies.parts import PartsTable, even_parts, legal_parts


class TabularPolicy(Policy):
    """Tables of logits and log-flows, all zero at first, for an environment that numbers its states.

    Args:
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector", "graph"})
    #: nn.Parameter [n_states, A] for listed actions, a ``PartsTable`` for actions in parts
    forward_logits: Any
    #: the same of backward actions
    backward_logits: Any

    def __init__(
        self, *, environment: Environment, learned_backward: bool = False, initial_log_z: LogZStart = None
    ) -> None:
        super().__init__(environment=environment, learned_backward=learned_backward, initial_log_z=initial_log_z)
        numbered = enumerable(environment, "policy: TabularPolicy")
        if numbered.n_states is None:
            raise ConfigError(f"policy: TabularPolicy needs numbered states, which {type(environment).__name__} lacks")
        n = numbered.n_states
        e: Any = environment
        self.forward_logits = PartsTable(n, e.parts) if self.in_parts else nn.Parameter(torch.zeros(n, e.n_actions))
        self.backward_logits = (
            PartsTable(n, e.backward_parts) if self.in_parts else nn.Parameter(torch.zeros(n, e.n_backward_actions))
        ).requires_grad_(learned_backward)
        self.flows = nn.Parameter(torch.zeros(n))

    @property
    def distribution(self) -> type[Categorical | Staged]:
        return Staged if self.in_parts else Categorical

    @property
    def backward_distribution(self) -> type[Categorical | Staged]:
        return Staged if self.in_parts else Categorical

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
        if isinstance(self.forward_logits, PartsTable):
            return self.forward_logits(index, legal_parts(self.environment, states))
        return Categorical(self.forward_logits[index], listed(self.environment, "TabularPolicy").forward_mask(states))

    def _backward(self, index: Tensor, states: States) -> Categorical | Staged:
        if isinstance(self.backward_logits, PartsTable):
            legal = legal_parts(self.environment, states, backward=True)
            if self.learned_backward:
                return self.backward_logits(index, legal)
            return self.fixed_backward_of_parts(
                states, even_parts(self.backward_logits.sizes, legal, self.flows[index])
            )
        mask = listed(self.environment, "TabularPolicy").backward_mask(states)
        return (
            Categorical(self.backward_logits[index], mask)
            if self.learned_backward
            else self.fixed_backward(states, mask)
        )

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
