"""One logit per state and action: exact, for small environments and tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor, nn

from molgfn.environments.actions import listed
from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import enumerable
from molgfn.errors import ConfigError
from molgfn.policies.base import LogZStart, Policy, PolicyOutput
from molgfn.policies.distributions import Categorical


class TabularPolicy(Policy):
    """Tables of logits and log-flows, all zero at first, for an environment that numbers its states.

    Args:
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector", "graph"})

    def __init__(
        self, *, environment: Environment, learned_backward: bool = False, initial_log_z: LogZStart = None
    ) -> None:
        super().__init__(environment=environment, learned_backward=learned_backward, initial_log_z=initial_log_z)
        numbered = enumerable(environment, "policy: TabularPolicy")
        listing = listed(environment, "policy: TabularPolicy")
        if numbered.n_states is None:
            raise ConfigError(f"policy: TabularPolicy needs numbered states, which {type(environment).__name__} lacks")
        n = numbered.n_states
        self.forward_logits = nn.Parameter(torch.zeros(n, listing.n_actions))
        self.backward_logits = nn.Parameter(torch.zeros(n, listing.n_backward_actions), requires_grad=learned_backward)
        self.flows = nn.Parameter(torch.zeros(n))

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        index = enumerable(self.environment, "TabularPolicy").index(states)
        listing = listed(self.environment, "TabularPolicy")
        out_backward = None
        if backward:
            mask = listing.backward_mask(states)
            learned = self.learned_backward
            out_backward = (
                Categorical(self.backward_logits[index], mask) if learned else self.fixed_backward(states, mask)
            )
        return PolicyOutput(
            forward=Categorical(self.forward_logits[index], listing.forward_mask(states)) if forward else None,
            backward=out_backward,
            log_flow=self.flows[index] if flow else None,
        )

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flows.add_(amount)

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        return {
            "forward": [self.forward_logits],
            "backward": [self.backward_logits] if self.learned_backward else [],
            "flow": [self.flows],
        }
