"""One policy out of several trained ones, without further training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from molgfn.environments.base import States
from molgfn.errors import ConfigError, ContractError
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.composed.choices import Mixed, Tabled, mixed
from molgfn.policies.composed.reach import Member, ReachTable
from molgfn.policies.composed.rules import Rule
from molgfn.policies.distributions import ActionDistribution, HasTable, require


class Composition(Policy):
    """Routing by reaching: P_F(s'|s) in proportion to G(u_1(s) p_1(s'|s), ..., u_k(s) p_k(s'|s)).

    u_i(s) is the probability that sampler i reaches s: from a table of exact numbers, or F_i(s) / F_i(s0) by the
    policy's flow head. Both policies are asked once at each step. With exact u_i a linear G (``Mean``, ``Mixture``)
    gives exactly the mixture of what the policies sample, whatever these are and whatever their P_B: u(s) = sum_i w_i
    u_i(s) by induction over the steps. With learned flows it is as exact as they are. Other G are right among the
    choices at one state, but do not see what lies behind them: what comes out is not G of the distributions.

    P_B, which nothing but estimates of log P_T read, is that of the first where all have the same rule, otherwise
    sum_i P(i|s) P_B,i, with P(i|s) as in P_F of a linear G.

    Args:
        members: k policies of one environment, each perhaps under a condition of its own.
        rule: G.
        table: exact u_i; None: the flow heads are read.

    Raises:
        ConfigError: the rule is of rewards and a member has no log Z.

    Reference: Yoon et al. 2026, arXiv 2602.21565. Pinned by tests/policies/test_composed.py.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector", "graph", "sequence"})
    provides: ClassVar[frozenset[str]] = frozenset({"forward", "backward", "flow"})

    def __init__(self, *, members: Sequence[Member], rule: Rule, table: ReachTable | None = None) -> None:
        if rule.of_rewards and any(m.log_z is None for m in members):
            raise ConfigError(f"compose: {rule.name} weighs rewards and needs log Z of each run; mixture needs none")
        log_z = torch.tensor([m.log_z or 0.0 for m in members], dtype=torch.float64)
        whole = float(torch.logsumexp(rule.log_weights + log_z, 0)) if rule.of_rewards else 0.0
        super().__init__(environment=members[0].plain, learned_backward=False, initial_log_z=whole)
        self.members, self.rule, self.table = tuple(members), rule, table
        self.policies = nn.ModuleList(m.policy for m in members)
        self.log_z.constant = nn.Parameter(torch.tensor(whole, dtype=members[0].policy.dtype), requires_grad=False)
        learned = rule.needs_reach and table is None
        start = [m.log_flow_at_source() if learned else 0.0 for m in members]
        self.register_buffer("start", torch.tensor(start, dtype=torch.float64), persistent=False)
        #: added to log u_i: log Z_i where the rule is of rewards
        self.register_buffer("scale", log_z if rule.of_rewards else torch.zeros_like(log_z), persistent=False)
        same = not any(m.policy.learned_backward for m in members)
        #: one P_B for all
        self.one_backward = same and len({m.policy.backward_rule for m in members}) == 1
        self.to(members[0].policy.device).eval()

    start: Tensor
    scale: Tensor

    @property
    def distribution(self) -> type[ActionDistribution]:
        return Mixed if self.rule.linear else Tabled

    @property
    def backward_distribution(self) -> type[ActionDistribution]:
        return self.members[0].policy.backward_distribution if self.one_backward else Mixed

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        if flow and not self.rule.linear:
            raise ContractError(f"a composition by {self.rule.name} has no flow of its own")
        weighing = (self.rule.linear and (forward or flow)) or (backward and not self.one_backward)
        learned = self.table is None and self.rule.needs_reach and (weighing or forward)
        parts = [
            self._part(i, states, forward=forward, backward=backward, flow=learned) for i in range(len(self.members))
        ]
        reach = self._log_flow(states, parts)
        weights = self._shares(reach) if weighing else None
        ahead = back = None
        if forward:
            choices = [_there(part.forward) for part in parts]
            ahead = mixed(choices, weights) if self.rule.linear else self._table(choices, reach)  # type: ignore[arg-type]
        if backward:
            behind = [part.backward for part in parts]
            back = behind[0] if self.one_backward else mixed([_there(b) for b in behind], weights)  # type: ignore[arg-type]
        total = self.rule.log_value(reach.T).to(self.dtype) if flow else None
        return PolicyOutput(forward=ahead, backward=back, log_flow=total)

    def _part(self, i: int, states: States, *, forward: bool, backward: bool, flow: bool) -> PolicyOutput:
        """What is needed of member i, in one evaluation of it; none where nothing is."""
        member, behind = self.members[i], backward and (i == 0 or not self.one_backward)
        if not (forward or behind or flow):
            return PolicyOutput()
        return member.policy(member.states(states), forward=forward, backward=behind, flow=flow)

    def _log_flow(self, states: States, parts: Sequence[PolicyOutput]) -> Tensor:
        """log u_i (with log Z_i in it for a rule of rewards), float64 [B, k]; 0 where nothing needs it."""
        if self.table is not None:
            return self.table(states) + self.scale
        if parts[0].log_flow is None:
            return self.scale.repeat(len(states), 1)
        learned = torch.stack([part.log_flow.double() for part in parts], 1)  # type: ignore[union-attr]
        return learned - self.start + self.scale

    def _shares(self, reach: Tensor) -> Tensor:
        """log P(i|s) [B, k], in proportion to w_i u_i(s); by the weights alone where no member comes to s."""
        weights = self.rule.log_weights.to(reach)
        here = weights + reach
        nowhere = here.isneginf().all(1, keepdim=True)
        return torch.log_softmax(torch.where(nowhere, weights, here), 1)

    def _table(self, choices: Sequence[ActionDistribution], reach: Tensor) -> Tabled:
        """G over all actions; where it is 0 for all of them (no way of the composition leads there) that of p_1."""
        tables = torch.stack([require(c, HasTable, f"compose: {self.rule.name}").log_probs() for c in choices])
        top = reach.amax(1, keepdim=True)
        near = (reach - torch.where(top.isneginf(), 0.0, top)).T  # what all have in common cancels, but not in floats
        here = near.view(*near.shape, *[1] * (tables.dim() - 2))
        value = self.rule.log_value(here.to(tables) + tables)
        nowhere = value.flatten(1).isneginf().all(1).view(-1, *[1] * (value.dim() - 1))
        return Tabled(torch.where(nowhere, tables[0], value))

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        return {"forward": self.policies.parameters(), "backward": [], "flow": []}


def _there(choice: ActionDistribution | None) -> ActionDistribution:
    if choice is None:
        raise ContractError("a policy of the composition returned no distribution though it was asked for one")
    return choice
