"""Local search: take objects partly apart by P_B and build them up again by P_F."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.base import States
from molgfn.errors import ConfigError, ContractError
from molgfn.policies.base import Policy
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sampler import Sampler, flat
from molgfn.trajectories.sources.base import Context, Kind, Source


class LocalSearch(Source):
    """Neighbours of what the sources before it drew in the batch, found in rounds.

    Of n trajectories that are newly drawn, n / (rounds + 1) are drawn from scratch and start a chain each; the rest are
    found here. In a round every chain takes its object apart, tau ~ P_B(. | x), keeps the first j of the T - 1
    construction steps of tau, and builds tau' on from there by P_F itself. All proposals are trained on, whether
    accepted or not, so a batch costs as many reward calls as one without local search; accepting only decides where the
    chain goes on. The next x is that of tau' where

    * deterministic: R'(x') > R'(x);
    * metropolis: u < exp(S(tau) - S(tau')) q(j | T') / q(j | T), u uniform in [0, 1), with
      S(tau) = log P_F(tau) - log P_B(tau | x) - log R'(x) and q the probability of keeping j steps. What the two share
      cancels, so this is the ratio of R' P_B P_F over the steps that differ; R'(x) P_B(tau | x) is kept exactly.

    Args:
        rounds: how often each chain proposes (authors: 7, with batches of 32).
        taken_back: share of the construction steps that is taken back, in (0, 1] (authors: half).
        cut: fixed: exactly ``taken_back``, rounded up, as the authors do; random: each number of steps with the
            binomial probability of that mean. A fixed cut keeps a metropolis chain among lengths with the same j: where
            objects differ in their number of steps it needs random.
        accept: deterministic or metropolis (the authors' "stochastic").

    Reference: Kim et al. 2024, arXiv 2310.02710, section 4.
    """

    word = "local_search"
    kind = Kind.NEAR

    def __init__(
        self,
        *,
        rounds: Annotated[int, Field(ge=1)] = 7,
        taken_back: Annotated[float, Field(gt=0, le=1)] = 0.5,
        cut: Literal["fixed", "random"] = "fixed",
        accept: Literal["deterministic", "metropolis"] = "deterministic",
    ) -> None:
        self.rounds = rounds
        self.taken_back = taken_back
        self.cut = cut
        self.accept = accept

    @property
    def off_policy(self) -> str:
        return "rebuilds objects that were chosen for their reward"

    def takes(self, batch_size: int, left: int) -> int:
        if left <= self.rounds:
            raise ConfigError(
                f"has {self.rounds} rounds, but only {left} trajectories of a batch are newly drawn, and each chain "
                "takes one more than there are rounds; raise batch_size or take fewer rounds"
            )
        chains = -(-left // (self.rounds + 1))
        return left - chains

    @torch.no_grad()
    def draw(self, context: Context, n: int) -> Rewarded:
        """The proposals of all rounds; one chain starts at each trajectory that is there, the last round may be cut."""
        if context.fresh is None:
            raise ContractError("local search starts at what was drawn before it, and there is nothing")
        policy, generator, start = context.policy, context.generator, context.fresh.trajectories
        at = Chains(start.terminal, start.log_target)
        rounds, left = [], n
        while left > 0:
            at = at.first(min(left, len(at.terminal)))
            taken_apart = Sampler(policy.environment).backward(policy, at.terminal, generator=generator)
            kept = self._kept(taken_apart.lengths, generator)
            found = context.found(rebuild(policy, taken_apart, kept, generator))
            proposed = found.trajectories
            accepted = self._accepts(policy, at, taken_apart, proposed, kept, generator)
            rounds.append(found)
            at = at.moved(proposed, accepted)
            left -= len(proposed)
        return Rewarded.cat(rounds, policy.environment.kind)

    def _kept(self, lengths: Tensor, generator: torch.Generator | None) -> Tensor:
        """How many first construction steps stay, int64 [B]."""
        steps = lengths - 1
        if self.cut == "fixed":
            return self._fixed(steps)
        count = steps.double()
        return torch.binomial(count, torch.full_like(count, 1 - self.taken_back), generator).long()

    def _fixed(self, steps: Tensor) -> Tensor:
        # less a hair, since 0.3 * 10 is a little more than 3 in floating point
        return steps - (self.taken_back * steps.double() - 1e-9).ceil().long()

    def _log_cut(self, kept: Tensor, lengths: Tensor) -> Tensor:
        """log q(kept | T), float64 [B]."""
        n, j = (lengths - 1).double(), kept.double()
        if self.cut == "fixed":
            return torch.where(self._fixed(lengths - 1) == kept, 0.0, -torch.inf).double()
        ways = torch.lgamma(n + 1) - torch.lgamma(j + 1) - torch.lgamma(n - j + 1)
        gone = torch.tensor(self.taken_back, dtype=torch.float64, device=kept.device)
        return ways + torch.xlogy(j, 1 - gone) + torch.xlogy(n - j, gone)

    def _accepts(
        self,
        policy: Policy,
        at: Chains,
        old: Trajectories,
        new: Trajectories,
        kept: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        """bool [B]: the chain goes on from the proposal."""
        if self.accept == "deterministic":
            return new.log_target > at.log_target
        ratio = score_of(old, at.log_target, policy) - score_of(new, new.log_target, policy)
        ratio = ratio + self._log_cut(kept, new.lengths) - self._log_cut(kept, old.lengths)
        u = torch.rand(len(new), generator=generator, device=ratio.device, dtype=torch.float64)
        return u.log() < ratio


@dataclass(frozen=True)
class Chains:
    """Where B chains stand: terminal states, and log R'(x) [B]."""

    terminal: States
    log_target: Tensor

    def first(self, n: int) -> Chains:
        """The first ``n``."""
        return Chains(self.terminal[:n], self.log_target[:n])

    def moved(self, proposed: Trajectories, accepted: Tensor) -> Chains:
        """At the proposals where ``accepted``, else where they were."""
        n = len(accepted)
        index = torch.arange(n, device=accepted.device) + n * accepted
        terminal = type(self.terminal).cat([self.terminal.to(proposed.states.device), proposed.terminal])[index]
        return Chains(terminal, torch.where(accepted, proposed.log_target, self.log_target))


def rebuild(policy: Policy, t: Trajectories, kept: Tensor, generator: torch.Generator | None = None) -> Trajectories:
    """The first ``kept`` [B] steps of every trajectory, and P_F from there on; not scored."""
    first = t.last - t.lengths + 1
    rest = Sampler(policy.environment).forward(policy, len(t), start=t.states[first + kept], generator=generator)
    head = t.step < kept[t.trajectory]
    whole = flat(
        states=type(t.states).cat([t.states[head], rest.states]),
        trajectory=torch.cat([t.trajectory[head], rest.trajectory]),
        step=torch.cat([t.step[head], rest.step + kept[rest.trajectory]]),
        actions=torch.cat([t.actions[head], rest.actions]),
        backward_actions=torch.cat([t.backward_actions[head], rest.backward_actions]),
        exits=torch.cat([t.exits[head], rest.exits]),
        n=len(t),
    )
    return replace(whole, source=["local_search"] * len(t))


def score_of(t: Trajectories, log_target: Tensor, policy: Policy) -> Tensor:
    """S(tau) = log P_F(tau) - log P_B(tau | x) - log R'(x), float64 [B]."""
    evaluated = evaluate(replace(t, log_reward=log_target, log_symmetry=None), policy, quantities=(LogPB,))
    steps = evaluated.log_pf.double() - evaluated[LogPB].double()
    return steps.sum(1) - log_target.double()
