"""Trajectories together with what was found out about their objects, and the batch that is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.errors import ContractError
from molgfn.objects.base import ObjectKind
from molgfn.ranks import Ranks
from molgfn.rewards.base import ConditionValues, Reward, Scores
from molgfn.serving.measurements import Measurements, cat_columns
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.kept import Kept

#: what gives the objects [B] of a batch, by their keys and under their conditions, their scores
Score = Callable[[Any, list[str], ConditionValues], Scores]


#: why a state has no value that stands for no object
NO_OBJECT = "no object"


@dataclass(frozen=True)
class StateScores:
    """States on the way that stand for an object.

    Attributes:
        keys: n object keys.
        scores: of the n objects.
        condition: name -> float [n], what they are scored under; empty without conditions.
    """

    keys: list[str]
    scores: Scores
    condition: ConditionValues = field(default_factory=dict)


@dataclass(frozen=True)
class Rewarded:
    """B trajectories and what was found out about their objects.

    Attributes:
        trajectories: with log R, log C and keys.
        objects: B finished objects, as ``Environment.objects`` gives them.
        scores: of the B objects.
        on_the_way: states before the last; None where nobody asked for their rewards, or none stands for an object.
        condition: name -> float [B], what the objects are scored under; empty without conditions.
        log_reference: log R under the reference condition, float64 [B], which is one number for an object whatever it
            was built for; None for a reward that reads no condition.
        kept: what the policy computed when it drew them; None where it is not kept.
    """

    trajectories: Trajectories
    objects: Any
    scores: Scores
    on_the_way: StateScores | None = None
    condition: ConditionValues = field(default_factory=dict)
    log_reference: Tensor | None = None
    kept: Kept | None = None

    def __len__(self) -> int:
        return len(self.trajectories)

    def to(self, device: torch.device | str) -> Rewarded:
        """With the trajectories on a device; objects and scores stay where they are."""
        return replace(self, trajectories=self.trajectories.to(device))

    @classmethod
    def cat(cls, parts: Sequence[Rewarded], kind: ObjectKind) -> Rewarded:
        """One after the other, of objects of one kind."""
        if len(parts) == 1:
            return parts[0]
        states = [p.on_the_way for p in parts if p.on_the_way is not None]
        return cls(
            trajectories=Trajectories.cat([p.trajectories for p in parts]),
            objects=kind.cat([p.objects for p in parts]),
            scores=Scores.cat([p.scores for p in parts]),
            on_the_way=StateScores(
                [k for s in states for k in s.keys],
                Scores.cat([s.scores for s in states]),
                cat_columns([s.condition for s in states]),
            )
            if states
            else None,
            condition=cat_columns([p.condition for p in parts]),
            log_reference=None
            if any(p.log_reference is None for p in parts)
            else torch.cat([p.log_reference for p in parts if p.log_reference is not None]),
        )


@dataclass(frozen=True)
class Drawn:
    """Newly drawn trajectories as stores and guides keep them.

    Attributes:
        trajectories: B, scored.
        log_reference: as in ``Rewarded``.
    """

    trajectories: Trajectories
    log_reference: Tensor | None = None

    @classmethod
    def of(cls, fresh: Rewarded) -> Drawn:
        return cls(fresh.trajectories, fresh.log_reference)

    def gathered(self, ranks: Ranks) -> Drawn:
        """Those of all ranks, one after the other, on the CPU; itself where there is one."""
        if ranks.size == 1:
            return self
        parts = ranks.gather(Drawn(self.trajectories.to("cpu"), self.log_reference))
        known = [part.log_reference for part in parts if part.log_reference is not None]
        together = Trajectories.cat([part.trajectories for part in parts])
        return Drawn(together, torch.cat(known) if len(known) == len(parts) else None)


@dataclass(frozen=True)
class Batch:
    """What one iteration trains on.

    Attributes:
        trajectories: all B, scored, on the policy's device.
        fresh: those that were newly drawn by the present policy, which are what the run finds. Where the whole batch
            is given, it is one trajectory that is not trained on.
        given: those that lead to given objects; None where there are none, or nobody reads their rewards.
        kept: what the policy computed at all their states when it drew them; None where that is not kept.
        everywhere: what all processes of the run drew anew; None where nobody stores it.
    """

    trajectories: Trajectories
    fresh: Rewarded
    given: Rewarded | None = None
    kept: Kept | None = None
    everywhere: Drawn | None = None

    @classmethod
    def of(cls, fresh: Rewarded) -> Batch:
        """Of newly drawn trajectories alone."""
        return cls(fresh.trajectories, fresh)

    def __len__(self) -> int:
        return len(self.trajectories)

    def to(self, device: torch.device | str) -> Batch:
        """With all trajectories on a device."""
        given = None if self.given is None else self.given.to(device)
        # what was kept stays behind
        return Batch(self.trajectories.to(device), self.fresh.to(device), given, everywhere=self.everywhere)

    def drawn(self, *, everywhere: bool) -> Drawn:
        """What was drawn anew by all processes of the run, or by this one alone."""
        return self.everywhere if everywhere and self.everywhere is not None else Drawn.of(self.fresh)


def find_rewards(
    trajectories: Trajectories,
    environment: Environment,
    reward: Reward,
    *,
    state_rewards: bool = False,
    score: Score | None = None,
) -> Rewarded:
    """The same trajectories with log R, log C and keys, and with their objects and ``Scores``.

    Args:
        trajectories: B.
        environment: in which they were drawn.
        reward: scores their objects.
        state_rewards: score the states on the way as well, as ``log_reward_state`` (these are reward calls). At the
            last state of a trajectory it is the very ``log_target``.
        score: how the reward is asked for the finished objects; None: as for the first of a batch.
    """
    terminal = trajectories.terminal
    objects = environment.objects(terminal)
    keys = environment.kind.keys(objects)
    condition = environment.condition_values(terminal)
    scores = (score or reward)(objects, keys, condition)
    log_symmetry = environment.log_symmetry(terminal, objects)
    device = trajectories.lengths.device
    log_reward_state, on_the_way, of_states = None, None, None
    if state_rewards:
        log_target = (scores.log_reward - log_symmetry).to(device)
        nothing = environment.kind.take(objects, [])
        log_reward_state, rows, on_the_way = _state_rewards(trajectories, environment, reward, log_target, nothing)
        of_states = _of_states(trajectories, scores, rows, on_the_way)
    found = replace(
        trajectories,
        log_reward=scores.log_reward.to(device),
        log_symmetry=log_symmetry.to(device),
        keys=keys,
        source=trajectories.source or ["policy"] * len(trajectories),
        log_reward_state=log_reward_state,
        measurements=scores.measurements,
        state_measurements=of_states,
    )
    return Rewarded(found, objects, scores, on_the_way, condition, _log_reference(scores, environment, reward))


def without_rewards(trajectories: Trajectories, state_rewards: bool) -> Trajectories:
    """With log R = 0 everywhere, for an objective that does not read it."""
    nothing = torch.zeros(len(trajectories), dtype=torch.float64, device=trajectories.lengths.device)
    of_states = torch.zeros(len(trajectories.states), dtype=torch.float64, device=nothing.device)
    return replace(
        trajectories,
        log_reward=nothing,
        log_symmetry=nothing,
        log_reward_state=of_states if state_rewards else None,
    )


def under_new_conditions(
    trajectories: Trajectories,
    environment: Environment,
    reward: Reward,
    generator: torch.Generator | None = None,
    own: float = 0.0,
) -> Trajectories:
    """The same paths under newly drawn conditions, with the log R that follows from what was measured: no oracle is
    asked (hindsight is a choice of condition).

    Args:
        trajectories: B, with what was measured of them.
        environment: draws the conditions, one for each trajectory or for ``per_condition`` neighbours.
        reward: reads them.
        generator: of the draws, on the device of the trajectories.
        own: share, in [0, 1], that comes under the conditions which their own objects are right for instead
            (``under_own_conditions``): the first trajectories, in whole groups of ``per_condition``.

    Raises:
        ContractError: nothing says what was measured.
    """
    measured = _measured(trajectories, reward)
    terminal = environment.with_drawn_condition(trajectories.terminal, generator)
    if own > 0:
        each = environment.per_condition
        count = round(own * len(terminal) / each) * each
        relabelled = environment.with_own_condition(trajectories.terminal, reward.achieved(measured))
        terminal = type(terminal).cat([relabelled[:count], terminal[count:]])
    return _under_conditions_of(trajectories, terminal, environment, reward)


def under_own_conditions(trajectories: Trajectories, environment: Environment, reward: Reward) -> Trajectories:
    """The same paths under the conditions that their own objects are right for (``Condition.hindsight``); as
    ``under_new_conditions``.
    """
    achieved = reward.achieved(_measured(trajectories, reward))
    terminal = environment.with_own_condition(trajectories.terminal, achieved)
    return _under_conditions_of(trajectories, terminal, environment, reward)


def _measured(trajectories: Trajectories, reward: Reward) -> Measurements:
    """What was measured of the objects, where all is there of which another log R can be made."""
    measured, of_states = trajectories.measurements, trajectories.state_measurements
    if measured is None or (of_states is None and trajectories.log_reward_state is not None):
        raise ContractError(
            f"{type(reward).__name__} reads {', '.join(sorted(reward.reads))}, but nothing was kept of what was "
            "measured of these trajectories, so they cannot be given a new log R"
        )
    return measured


def _under_conditions_of(
    trajectories: Trajectories, terminal: States, environment: Environment, reward: Reward
) -> Trajectories:
    """The same paths under the conditions of ``terminal`` [B], with the log R that follows."""
    measured, of_states = _measured(trajectories, reward), trajectories.state_measurements
    states = environment.under_condition_of(trajectories.states, terminal[trajectories.trajectory])
    log_reward = reward.revalue(measured, environment.condition_values(terminal)).to(trajectories.lengths.device)
    found = replace(trajectories, states=states, log_reward=log_reward)
    if trajectories.log_reward_state is None or of_states is None:
        return found
    # log C(s) does not depend on the condition, so log R'(s) changes as log R(s) does
    change = reward.revalue(of_states, environment.condition_values(states))
    change -= reward.revalue(of_states, environment.condition_values(trajectories.states))
    moved = trajectories.log_reward_state.double() + change.to(log_reward.device)
    moved = torch.where(environment.has_object(states), moved, 0.0)
    return replace(found, log_reward_state=moved.index_copy(0, found.last, found.log_target.double()))


def _log_reference(scores: Scores, environment: Environment, reward: Reward) -> Tensor | None:
    """See ``Rewarded``; None as well where nothing says what was measured."""
    if not reward.reads or scores.measurements is None:
        return None
    reference = environment.condition_values(environment.initial(1))
    return reward.revalue(scores.measurements, {k: v.expand(len(scores)) for k, v in reference.items()})


def _of_states(
    trajectories: Trajectories, scores: Scores, rows: Tensor, on_the_way: StateScores | None
) -> Measurements | None:
    """What was measured of the S states: of the last ones as of the objects, of ``rows`` as of those on the way."""
    parts = [scores, *([on_the_way.scores] if on_the_way is not None else [])]
    measured = [part.measurements for part in parts if part.measurements is not None]
    if len(measured) < len(parts):
        return None
    together = Measurements.cat(measured)
    blank = {name: torch.full((1,), torch.nan, dtype=torch.float64) for name in together.values}
    where = torch.full((len(trajectories.states),), len(together), dtype=torch.int64)  # the blank one
    known = torch.cat([trajectories.last, rows]).cpu()
    where[known] = torch.arange(len(together))
    return Measurements.cat([together, Measurements(blank, [NO_OBJECT])]).index(where)


def _state_rewards(
    trajectories: Trajectories, environment: Environment, reward: Reward, log_target: Tensor, nothing: Any
) -> tuple[Tensor, Tensor, StateScores | None]:
    """log R'(s), float64 [S], 0 where a state stands for no object; which states on the way stand for one, int64 [n];
    and what was found out about these. ``nothing`` is a batch of no objects.
    """
    states = trajectories.states
    out = torch.zeros(len(states), dtype=torch.float64, device=states.device)
    out = out.index_copy(0, trajectories.last, log_target.double())
    stands = environment.has_object(states)
    on_the_way = stands.index_fill(0, trajectories.last, False).nonzero().squeeze(1)
    if not len(on_the_way) and reward.ranks.size == 1:
        return out, on_the_way, None
    some = states[on_the_way]
    objects = environment.objects(some) if len(on_the_way) else nothing
    keys = environment.kind.keys(objects) if len(on_the_way) else []
    condition = environment.condition_values(some)
    scores = reward.further(objects, keys, condition, finished=False)
    if not len(on_the_way):  # the other processes had some, and all call together
        return out, on_the_way, None
    value = scores.log_reward.double() - environment.log_symmetry(some, objects)
    found = StateScores(keys, scores, condition)
    return out.index_copy(0, on_the_way, value.to(states.device)), on_the_way, found
