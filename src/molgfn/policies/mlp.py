"""Policies of environments whose states are vectors: multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from molgfn.environments.actions import ActionsInParts, listed
from molgfn.environments.base import Environment, States
from molgfn.networks.mlp import frozen, hooked, mlp
from molgfn.policies.base import BackwardRule, LogZStart, Policy, PolicyOutput, parameters_of, warn_of_shared_trunk
from molgfn.policies.distributions import ActionDistribution, Categorical, Staged
from molgfn.policies.hypernetwork import Head, Hypernetwork
from molgfn.policies.logit_scale import LogitScale, ScaleLogits
from molgfn.policies.parts import PartsHead, even_parts, legal_parts


class MLPPolicy(Policy):
    """MLP trunk(s) with heads for P_F, P_B and log F: linear ones, autoregressive ones for actions in several parts.

    The trunks read what ``environment.encode`` gives, which has the encoded condition beside the state where there is
    one.

    Args:
        hidden: width of hidden layers.
        layers: hidden layers of each trunk.
        share_trunk: one trunk for all heads; otherwise one each.
        own_losses: groups ("backward", "flow") that a loss of their own trains.
        scale_logits: "learned": P_F's logits are multiplied by a number of the condition (see ``LogitScale``).
        head: "hypernetwork": the weights of P_F's head depend on the condition (see ``Hypernetwork``).
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector"})

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        backward_rule: BackwardRule = "uniform",
        hidden: Annotated[int, Field(ge=1)] = 256,
        layers: Annotated[int, Field(ge=0)] = 2,
        share_trunk: bool = False,
        own_losses: frozenset[str] = frozenset(),
        scale_logits: ScaleLogits = None,
        head: Head = None,
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            learned_backward=learned_backward,
            backward_rule=backward_rule,
            initial_log_z=initial_log_z,
        )
        if share_trunk:
            warn_of_shared_trunk(own_losses)
        inputs = environment.encode(environment.initial(1)).shape[1]
        width = hidden if layers else inputs
        self.trunk = mlp(inputs, hidden, layers)
        self.backward_trunk = None if share_trunk or not learned_backward else mlp(inputs, hidden, layers)
        self.flow_trunk = None if share_trunk else mlp(inputs, hidden, layers)
        self.forward_head, self.backward_head = self._heads(width)
        self.flow_head = nn.Linear(width, 1)
        if isinstance(self.backward_head, nn.Linear):  # P_B starts uniform (Gritsaev et al., arXiv 2410.15474)
            nn.init.zeros_(self.backward_head.weight)
            nn.init.zeros_(self.backward_head.bias)
        self.logit_scale = LogitScale.of(environment, scale_logits)
        last = [self.forward_head] if isinstance(self.forward_head, nn.Linear) else self.forward_head.last
        self.hypernetwork = Hypernetwork.of(environment, head, last)

    def _heads(self, width: int) -> tuple[nn.Linear | PartsHead, nn.Linear | PartsHead | None]:
        e, learned = self.environment, self.learned_backward
        if isinstance(e, ActionsInParts):
            forward = PartsHead(width, e.parts)
            return forward, PartsHead(width, e.backward_parts, zero=True) if learned else None
        e = listed(e, "policy: MLPPolicy")
        return nn.Linear(width, e.n_actions), nn.Linear(width, e.n_backward_actions) if learned else None

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        features = self.environment.encode(states).to(self.log_z.constant.dtype)
        shares = (backward and self.backward_head is not None and self.backward_trunk is None) or (
            flow and self.flow_trunk is None
        )
        shared = self.trunk(features) if forward or shares else features
        out_forward = out_backward = log_flow = None
        if forward:
            out_forward = self._forward(shared, states)
        if backward:
            hidden = shared if self.backward_trunk is None else self.backward_trunk(features)
            out_backward = self._backward(hidden, states)
        if flow:
            log_flow = self.flow_head(shared if self.flow_trunk is None else self.flow_trunk(features)).squeeze(-1)
        return PolicyOutput(forward=out_forward, backward=out_backward, log_flow=log_flow)

    def for_rollout(self) -> Callable[[States], ActionDistribution]:
        e, dtype = self.environment, self.log_z.constant.dtype
        network = frozen((*self.trunk, self.forward_head)) if self._plain(e) else None
        if network is None:
            return super().for_rollout()
        forward_mask, scale = listed(e, "MLPPolicy").forward_mask, self.logit_scale

        def choice(states: States) -> ActionDistribution:
            found = Categorical(network(e.encode(states).to(dtype)), forward_mask(states))
            return found if scale is None else scale.scaled(found, e, states)

        return choice

    def _plain(self, environment: Environment) -> bool:
        """What ``forward`` computes is what is written here, in the precision of the weights."""
        own = type(self).forward is MLPPolicy.forward and type(self)._forward is MLPPolicy._forward
        watched = hooked(self) or hooked(self.trunk)
        cast = torch.is_autocast_enabled(self.device.type)
        plain = own and self.hypernetwork is None
        return plain and not watched and not cast and not isinstance(environment, ActionsInParts)

    def _forward(self, hidden: Tensor, states: States) -> Categorical | Staged:
        e, changes = self.environment, None
        if self.hypernetwork is not None:
            changes = self.hypernetwork.changes(e, states)
        if isinstance(e, ActionsInParts):
            choice = self.forward_head(hidden, legal_parts(e, states), changes)
        else:
            logits = self.forward_head(hidden)
            logits = logits if changes is None else logits + changes[0](hidden)
            choice = Categorical(logits, listed(e, "MLPPolicy").forward_mask(states))
        return choice if self.logit_scale is None else self.logit_scale.scaled(choice, e, states)

    def _backward(self, hidden: Tensor, states: States) -> Categorical | Staged:
        e, head = self.environment, self.backward_head
        if isinstance(e, ActionsInParts):
            legal = legal_parts(e, states, backward=True)
            if head is not None:
                return head(hidden, legal)
            return self.fixed_backward_of_parts(states, even_parts(e.backward_parts, legal, hidden))
        mask = listed(e, "MLPPolicy").backward_mask(states)
        return self.fixed_backward(states, mask) if head is None else Categorical(head(hidden), mask)

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flow_head.bias.add_(amount)

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        return {
            "forward": parameters_of(self.trunk, self.forward_head, self.logit_scale, self.hypernetwork),
            "backward": parameters_of(self.backward_trunk, self.backward_head),
            "flow": parameters_of(self.flow_trunk, self.flow_head),
        }
