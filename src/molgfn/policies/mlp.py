"""Policies of environments whose states are vectors: multi-layer perceptrons."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from molgfn.environments.actions import ListedActions, listed
from molgfn.environments.base import Environment, States
from molgfn.networks.mlp import mlp
from molgfn.policies.base import LogZStart, Policy, PolicyOutput
from molgfn.policies.distributions import Categorical


class MLPPolicy(Policy):
    """MLP trunk(s) with linear heads for P_F, P_B and log F.

    Args:
        hidden: width of hidden layers.
        layers: hidden layers of each trunk.
        share_trunk: one trunk for all heads; otherwise one each.
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector"})
    environment: ListedActions

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        hidden: Annotated[int, Field(ge=1)] = 256,
        layers: Annotated[int, Field(ge=0)] = 2,
        share_trunk: bool = False,
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(environment=environment, learned_backward=learned_backward, initial_log_z=initial_log_z)
        environment = listed(environment, "policy: MLPPolicy")
        inputs = environment.encode(environment.initial(1)).shape[1]
        width = hidden if layers else inputs
        self.trunk = mlp(inputs, hidden, layers)
        self.backward_trunk = None if share_trunk or not learned_backward else mlp(inputs, hidden, layers)
        self.flow_trunk = None if share_trunk else mlp(inputs, hidden, layers)
        self.forward_head = nn.Linear(width, environment.n_actions)
        self.backward_head = nn.Linear(width, environment.n_backward_actions) if learned_backward else None
        self.flow_head = nn.Linear(width, 1)
        if self.backward_head is not None:  # P_B starts uniform (Gritsaev et al., arXiv 2410.15474)
            nn.init.zeros_(self.backward_head.weight)
            nn.init.zeros_(self.backward_head.bias)

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        features = self.environment.encode(states).to(self.log_z.dtype)
        shared = self.trunk(features)
        out_forward = out_backward = log_flow = None
        if forward:
            out_forward = Categorical(self.forward_head(shared), self.environment.forward_mask(states))
        if backward:
            mask = self.environment.backward_mask(states)
            if self.backward_head is None:
                out_backward = self.fixed_backward(states, mask)
            else:
                hidden = shared if self.backward_trunk is None else self.backward_trunk(features)
                out_backward = Categorical(self.backward_head(hidden), mask)
        if flow:
            log_flow = self.flow_head(shared if self.flow_trunk is None else self.flow_trunk(features)).squeeze(-1)
        return PolicyOutput(forward=out_forward, backward=out_backward, log_flow=log_flow)

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flow_head.bias.add_(amount)

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        def of(*modules: nn.Module | None) -> Iterable[nn.Parameter]:
            return itertools.chain(*(m.parameters() for m in modules if m is not None))

        return {
            "forward": of(self.trunk, self.forward_head),
            "backward": of(self.backward_trunk, self.backward_head),
            "flow": of(self.flow_trunk, self.flow_head),
        }
