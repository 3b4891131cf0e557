"""Policies that read sequences: a causal trunk, heads for P_F, P_B and log F."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

import torch
from torch import Tensor, nn

from molgfn.environments.actions import listed
from molgfn.environments.base import Environment, States
from molgfn.environments.sequences import SequenceBatch, SequenceSpec
from molgfn.networks.mlp import mlp, starting_at_zero
from molgfn.networks.sequences import Memory, SequenceTrunk
from molgfn.policies.base import BackwardRule, LogZStart, Policy, PolicyOutput, own_trunks, parameters_of, spec_of
from molgfn.policies.carried import Carried
from molgfn.policies.distributions import Categorical
from molgfn.policies.hypernetwork import Head, Hypernetwork
from molgfn.policies.logit_scale import LogitScale, ScaleLogits
from molgfn.policies.sequence.encoder import SequenceEncoder
from molgfn.policies.sequence.runs import Runs


class SequencePolicy(Policy):
    """P_F, P_B and log F on sequences; the subclasses choose the trunk.

    States that are prefixes of each other and come one after the other, as those of a trajectory do, are read in one
    pass over the longest (``runs``), whoever asks; in a rollout each token is read once (``Carried``).

    Args:
        trunk: makes a new trunk.
        share_trunk: one trunk for P_F, P_B and log F; otherwise P_B (when learned) and log F have their own. None
            shares it, but for what ``own_losses`` names.
        own_losses: groups ("backward", "flow") that a loss of their own trains.
        scale_logits: "learned": P_F's logits are multiplied by a number of the condition (see ``LogitScale``).
        head: "hypernetwork": the weights of P_F's head depend on the condition (see ``Hypernetwork``).
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"sequence"})

    def __init__(
        self,
        *,
        environment: Environment,
        trunk: Callable[[int], SequenceTrunk],
        learned_backward: bool,
        backward_rule: BackwardRule,
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
        e = listed(environment, f"policy: {type(self).__name__}")
        spec = spec_of(self, SequenceSpec, "sequences")

        def encoder() -> SequenceEncoder:
            return SequenceEncoder(spec, trunk(spec.max_length + 1))

        self.encoder = encoder()
        self.backward_encoder = encoder() if "backward" in own and learned_backward else None
        self.flow_encoder = encoder() if "flow" in own else None
        width = self.encoder.trunk.width
        self.forward_head = nn.Linear(width, e.n_actions)
        self.backward_head = starting_at_zero(mlp(width, 0, 0, e.n_backward_actions)) if learned_backward else None
        self.flow_head = mlp(width, width, 1, 1)
        self.logit_scale = LogitScale.of(environment, scale_logits)
        self.hypernetwork = Hypernetwork.of(environment, head, [self.forward_head])

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        batch: SequenceBatch = self.environment.encode(states)
        runs = Runs.of(batch)
        backward_reads = backward and self.backward_head is not None
        shared = None
        if forward or (backward_reads and self.backward_encoder is None) or (flow and self.flow_encoder is None):
            shared = self.encoder(batch, runs)

        def hidden(own: SequenceEncoder | None) -> Tensor:
            return shared if own is None else own(batch, runs)  # type: ignore[return-value]

        out_forward = out_backward = log_flow = None
        if forward:
            out_forward = self._choice(states, shared, runs)  # type: ignore[arg-type]
        if backward:
            mask, head = listed(self.environment, "SequencePolicy").backward_mask(states), self.backward_head
            fixed = head is None
            out_backward = (
                self.fixed_backward(states, mask) if fixed else Categorical(head(hidden(self.backward_encoder)), mask)
            )
        if flow:
            log_flow = self.flow_head(hidden(self.flow_encoder)).squeeze(-1)
        return PolicyOutput(forward=out_forward, backward=out_backward, log_flow=log_flow)

    def _choice(self, states: States, hidden: Tensor, runs: Runs | None) -> Categorical:
        """P_F from what the trunk made of the states; ``runs`` None: each has a condition of its own."""
        e = self.environment
        logits = self.forward_head(hidden)
        if self.hypernetwork is not None:
            some, rows = (states, None) if runs is None else (states[runs.last], runs.run)
            (change,) = self.hypernetwork.changes(e, some)
            logits = logits + change(hidden, rows)
        choice = Categorical(logits, listed(e, "SequencePolicy").forward_mask(states))
        return choice if self.logit_scale is None else self.logit_scale.scaled(choice, e, states)

    def for_rollout(self) -> Carried:
        return _Rollout(self)

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flow_head[-1].bias.add_(amount)  # type: ignore[union-attr, operator]

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        return {
            "forward": parameters_of(self.encoder, self.forward_head, self.logit_scale, self.hypernetwork),
            "backward": parameters_of(self.backward_encoder, self.backward_head),
            "flow": parameters_of(self.flow_encoder, self.flow_head),
        }


class _Rollout(Carried):
    """P_F along a rollout, which reads each token once."""

    def __init__(self, policy: SequencePolicy) -> None:
        self.policy = policy
        self.memory: Memory | None = None

    @torch.no_grad()
    def __call__(self, states: States) -> Categorical:
        policy = self.policy
        batch = policy.environment.encode(states)
        if self.memory is None:
            hidden, self.memory = policy.encoder.begin(batch)
        else:
            hidden = policy.encoder.step(batch, self.memory)
        return policy._choice(states, hidden, None)

    def keep(self, rows: Tensor) -> None:
        if self.memory is not None:
            self.memory.keep(rows)
