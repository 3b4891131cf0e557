"""Pairs of construction steps: a step on the way to a good molecule, and another one from the same state."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from molgfn.chemistry.standardise import Standardisation
from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import Enumerable
from molgfn.errors import ConfigError
from molgfn.paths import InputFile, NamedInput
from molgfn.policies.base import Policy
from molgfn.policies.distributions.capabilities import HasTempering, lacking
from molgfn.policies.exploration import Exploration
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.pairs import Pairs
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sampler import Sampler, flat
from molgfn.trajectories.sources.base import Context
from molgfn.trajectories.sources.offline import OfflineMolecules
from molgfn.trajectories.sources.preferences.of_molecules import PairsOfMolecules
from molgfn.trajectories.sources.preferences.paths_to import worth

#: a legal action, whatever P_F says of it
_ANY = Exploration(epsilon=1.0)
#: what is drawn again where it leads to where the chosen step leads
_TRIES = 4


class StepPairs(PairsOfMolecules):
    """Chosen: a step, drawn uniformly, of a trajectory by P_B to a good molecule. Rejected: another step from there.

    The rejected step is made in one of three ways (after PORT, arXiv 2406.16061):

    * "random": a legal action, drawn uniformly. No oracle call.
    * "checkpoint": what a weak policy, such as an early checkpoint, does at that state. No oracle call.
    * "corruption": a legal action, drawn uniformly, after which the present P_F finishes the molecule; it is a pair
      only where that one is worth less. Both molecules of a pair are oracle calls (each different one once).

    A rejected step that leads to the same state as the chosen one is drawn anew, four times in all; then it is no
    pair. The rejected trajectory is finished by the policy that drew its step (by P_F after a random one), as
    trajectories are whole; what comes after the step is read with "corruption" alone, whose pairs are of objects, too.

    Args:
        molecules: a file of good molecules, or the name of a set.
        rejected: "random", "checkpoint" or "corruption".
        weak: checkpoint or run folder of the weak policy, in the same environment; with rejected=checkpoint.
        share: share of each batch, in (0, 1], an even number of trajectories.
        column: as of ``data=offline``, as are the following.
        limit: entries read, the first ones; None reads all.
        standardise: rules applied to each; None takes them as they are.
        redraw: take one of a molecule's states anew each time that it is drawn.
        jobs: worker processes that read the file and find the states.

    Raises:
        ConfigError: a weak policy without rejected=checkpoint.
    """

    word = "step_pairs"

    def __init__(
        self,
        *,
        molecules: Annotated[NamedInput, Field(min_length=1)],
        rejected: Literal["random", "checkpoint", "corruption"] = "random",
        weak: InputFile | None = None,
        share: Annotated[float, Field(gt=0, le=1)] = 1.0,
        column: str | None = None,
        limit: Annotated[int, Field(ge=1)] | None = 10_000,
        standardise: Standardisation | None = None,
        redraw: bool = True,
        jobs: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        if weak is not None and rejected != "checkpoint":
            raise ConfigError(f"weak: is read with rejected=checkpoint only, not with rejected={rejected}")
        self.share: float = share
        self.rejected = rejected
        self.frozen = {"weak": weak} if rejected == "checkpoint" else {}
        self.pairs = frozenset({"steps", "objects"} if rejected == "corruption" else {"steps"})
        self.given = OfflineMolecules(
            molecules=molecules, column=column, limit=limit, standardise=standardise, redraw=redraw, jobs=jobs
        )

    def misfit(self, policy: Policy) -> str | None:
        if reason := super().misfit(policy):
            return reason
        lacks = lacking(policy.distribution, [HasTempering]) if self.rejected != "checkpoint" else []
        return f"draws any legal action, but {lacks[0]}; use rejected=checkpoint" if lacks else None

    def draw(self, context: Context, n: int) -> Rewarded | Trajectories:
        good = self.given.sample(
            context.policy, n // 2, generator=context.generator, order=context.choices, ranks=context.ranks
        )
        bad, step, apart = self._rejected(context, replace(good, source=[], keys=[]))
        order = torch.arange(n, device=step.device).view(2, -1).T.flatten()  # chosen and rejected side by side
        both = Trajectories.cat([replace(good, source=[], keys=[]), bad]).select(order)
        environment = context.policy.environment
        both = replace(both, keys=environment.kind.keys(environment.objects(both.terminal)))
        pairs = Pairs.of_neighbours(n, step=step, device=step.device)
        pairs = pairs.but(apart.repeat_interleave(2), "same_step")
        if self.rejected != "corruption":
            return worth(context, replace(both, pairs=pairs))
        measured = replace(context, given_rewards=True).given(both)
        if not isinstance(measured, Rewarded) or measured.trajectories.log_reward is None:
            raise ConfigError("corruption needs rewards of the molecules, and there are none")
        log_reward = measured.trajectories.log_reward
        pairs = pairs.but((log_reward[1::2] < log_reward[::2]).repeat_interleave(2), "not_worse")
        return replace(measured, trajectories=replace(measured.trajectories, pairs=pairs))

    @torch.no_grad()
    def _rejected(self, context: Context, good: Trajectories) -> tuple[Trajectories, Tensor, Tensor]:
        """The rejected trajectories [B]; at which step each leaves the good one, int64 [B]; and bool [B], whether it
        does.
        """
        policy = context.frozen["weak"] if self.rejected == "checkpoint" else context.policy
        environment, n = context.policy.environment, len(good)
        u = torch.rand(n, generator=context.generator, device=good.lengths.device)
        step = (u * good.lengths).long().clamp(max=good.lengths - 1)
        at = good.last - good.lengths + 1 + step
        here, taken = good.states[at], good.actions[at]
        there = environment.step(here, taken)
        choice = policy.for_rollout()(here)
        apart = torch.zeros(n, dtype=torch.bool, device=step.device)
        actions = taken
        for _ in range(_TRIES):
            other = choice.sample(context.generator) if self.frozen else _ANY.sample(choice, context.generator)
            new = ~apart & ~same(environment, here, taken, there, other)
            actions = torch.where(new.view(-1, *[1] * (actions.dim() - 1)), other, actions)
            apart = apart | new
        after = environment.step(here, actions)
        leaves = environment.is_exit(here, actions)
        going = (~leaves).nonzero().squeeze(1)
        before = good.step < step[good.trajectory]
        parts = [
            (good.states[before], good.trajectory[before], good.step[before], good.actions[before],
             good.backward_actions[before], good.exits[before]),
            (here, torch.arange(n, device=step.device), step, actions,
             environment.backward_action(here, actions, after), leaves),
        ]  # fmt: skip
        if len(going):
            rest = Sampler(environment).forward(policy, len(going), generator=context.generator, start=after[going])
            owner = going[rest.trajectory]
            parts.append(
                (rest.states, owner, rest.step + 1 + step[owner], rest.actions, rest.backward_actions, rest.exits)
            )
        states, trajectory, steps, moves, backs, exits = zip(*parts, strict=True)
        bad = flat(
            states=type(here).cat(list(states)),
            trajectory=torch.cat(trajectory),
            step=torch.cat(steps),
            actions=torch.cat(moves),
            backward_actions=torch.cat(backs),
            exits=torch.cat(exits),
            n=n,
        )
        return bad, step, apart


def same(environment: Environment, here: States, taken: Tensor, there: States, other: Tensor) -> Tensor:
    """bool [B]: the action ``other`` at ``here`` leads to where ``taken`` leads, the state ``there``.

    Where states are told apart by keys, equal ones are one; elsewhere those with the same tensors.
    """
    after = environment.step(here, other)
    leave = environment.is_exit(here, taken), environment.is_exit(here, other)
    if isinstance(environment, Enumerable):
        alike = environment.hashes(after) == environment.hashes(there)
    else:
        pairs = zip(after.tensors().values(), there.tensors().values(), strict=True)
        alike = torch.stack([(a == b).flatten(1).all(1) if a.dim() > 1 else a == b for a, b in pairs]).all(0)
    return (leave[0] & leave[1]) | (alike & ~leave[0] & ~leave[1])
