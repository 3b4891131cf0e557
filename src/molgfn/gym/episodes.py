"""Many episodes at once, as batched tensors: what the single and the vectorised environment both are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from torch import Tensor

from molgfn.class_paths import did_you_mean
from molgfn.environments.base import States
from molgfn.errors import ConfigError
from molgfn.gym.actions import numbered
from molgfn.gym.observations import observation as observation_of
from molgfn.gym.observations.base import Arrays
from molgfn.gym.returns import RETURNS, Returns, at_the_exit, on_the_way
from molgfn.gym.settings import Parts

#: what an action does that the mask forbids
Illegal = Literal["stay", "raise"]


@dataclass(frozen=True)
class Finished:
    """Objects that were finished in a step.

    Attributes:
        rows: int64 [F], of which episodes.
        objects: F keys of the objects, such as SMILES.
        log_reward: float64 [F], log R(x).
        value: float64 [F], the property that R is made of, NaN without one.
        problems: F entries, None or why the object has no value (its log R is then the declared floor).
        components: name -> float64 [F], what the oracle measured.
    """

    rows: np.ndarray
    objects: list[str]
    log_reward: np.ndarray
    value: np.ndarray
    problems: list[str | None]
    components: dict[str, np.ndarray] = field(default_factory=dict)

    def of(self, place: int) -> dict[str, Any]:
        """One of them as plain data, None for no number."""
        numbers = {"log_reward": self.log_reward, "value": self.value}
        plain = {name: _number(column[place]) for name, column in numbers.items()}
        parts = {name: _number(column[place]) for name, column in self.components.items()}
        return {"object": self.objects[place], **plain, "problem": self.problems[place], "components": parts}


@dataclass(frozen=True)
class Outcome:
    """What a step of N episodes came to.

    Attributes:
        reward: float64 [N].
        terminated: bool [N], the exit was taken.
        truncated: bool [N], so many actions were illegal that the episode is longer than any object needs.
        illegal: bool [N], the action was illegal, and the state is as before.
        finished: of the terminated ones; None where there are none.
    """

    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    illegal: np.ndarray
    finished: Finished | None


class Episodes:
    """N episodes that go on side by side, on the CPU.

    Args:
        parts: environment and reward.
        n: how many.
        observation: see ``gym.observations.choose``.
        returns: see ``gym.returns.Returns``.
        illegal: what an illegal action does: "stay" leaves the state as it is, for no reward; "raise" is an error.

    Attributes:
        environment, reward: of ``parts``.
        actions: by number, ``count`` of them.
        states: N states.
        steps: int64 [N], of the present episodes.

    Raises:
        ConfigError: no such observation or way of paying, or the environment's actions cannot be numbered.
    """

    def __init__(
        self,
        parts: Parts,
        n: int,
        *,
        observation: str | None = None,
        returns: Returns = "log_reward",
        illegal: Illegal = "stay",
    ) -> None:
        if returns not in RETURNS:
            raise ConfigError(f"returns: there is no `{returns}`{did_you_mean(str(returns), RETURNS)}")
        if illegal not in ("stay", "raise"):
            raise ConfigError(f"illegal: should be `stay` or `raise`, got {illegal!r}")
        self.environment, self.reward = parts.environment, parts.reward
        self.config = parts.config
        self.actions = numbered(self.environment)
        self.observe = observation_of(self.environment, observation)
        self.returns: Returns = returns
        self.illegal: Illegal = illegal
        self.generator = torch.Generator().manual_seed(parts.config["seed"])
        self.states: States = self.environment.initial(n)
        self.steps = torch.zeros(n, dtype=torch.int64)
        self._mask: Tensor | None = None

    def __len__(self) -> int:
        return len(self.steps)

    def seed(self, seed: int | Sequence[int]) -> None:
        """Of the conditions that are drawn; nothing else in an environment is random."""
        entropy = np.random.SeedSequence(seed).generate_state(2, np.uint32)
        self.generator.manual_seed(int(entropy[0]) << 31 ^ int(entropy[1]))

    @torch.no_grad()
    def begin(self, rows: np.ndarray | None = None) -> None:
        """Put the episodes ``rows`` (bool [N]; None: all) back to the source, under new conditions where there are."""
        index = np.arange(len(self)) if rows is None else np.flatnonzero(rows)
        if not len(index):
            return
        new = self.environment.draw_initial(len(index), self.generator)
        self._put(torch.from_numpy(index), new)
        self.steps[index] = 0

    @torch.no_grad()
    def mask(self) -> np.ndarray:
        """Legal actions, int8 [N, count]: 1 where legal. A new array each time."""
        return self._legal().numpy().astype(np.int8)

    @torch.no_grad()
    def seen(self) -> Arrays:
        """Observations [N, ...], new arrays."""
        return self.observe(self.states)

    @torch.no_grad()
    def step(self, numbers: np.ndarray, going: np.ndarray | None = None) -> Outcome:
        """Take an action in each episode that is ``going`` (bool [N]; None: all); the others stay as they are.

        Raises:
            gymnasium.error.InvalidAction: a number that is no action; or an illegal one with ``illegal="raise"``.
        """
        n = len(self)
        chosen = torch.from_numpy(self._numbers(numbers))
        active = np.ones(n, dtype=bool) if going is None else going
        legal = self._legal()[torch.arange(n), chosen].numpy()
        illegal = active & ~legal
        if self.illegal == "raise" and illegal.any():
            row = int(np.flatnonzero(illegal)[0])
            raise gymnasium.error.InvalidAction(
                f"action {int(chosen[row])} is illegal in episode {row}; info['action_mask'] has the legal ones"
            )
        reward, terminated = np.zeros(n), np.zeros(n, dtype=bool)
        finished = None
        index = torch.from_numpy(np.flatnonzero(active & legal))
        if len(index):
            e, before = self.environment, self.states[index]
            actions = self.actions.actions(chosen[index])
            exits = e.is_exit(before, actions)
            ended = exits.nonzero().squeeze(1)
            on = (~exits).nonzero().squeeze(1)
            if len(on):
                after = e.step(before[on], actions[on])
                reward[index[on].numpy()] = on_the_way(self.returns, e, after).numpy()
                self._put(index[on], after)
            if len(ended):
                rows = index[ended].numpy()
                terminated[rows] = True
                finished, paid = self._score(before[ended], rows)
                reward[rows] = paid.numpy()
        self.steps += torch.from_numpy(active)
        truncated = active & ~terminated & (self.steps >= self.environment.max_steps).numpy()
        return Outcome(reward, terminated, truncated, illegal, finished)

    def _score(self, states: States, rows: np.ndarray) -> tuple[Finished, Tensor]:
        e = self.environment
        objects = e.objects(states)
        keys = e.kind.keys(objects)
        scores = self.reward(objects, keys, e.condition_values(states))
        paid = at_the_exit(self.returns, e, states, objects, scores.log_reward)
        finished = Finished(
            rows=rows,
            objects=keys,
            log_reward=scores.log_reward.numpy(),
            value=scores.value.numpy(),
            problems=scores.problems or [None] * len(keys),
            components={name: column.numpy() for name, column in scores.components.items()},
        )
        return finished, paid

    def _legal(self) -> Tensor:
        """bool [N, count], of the present states."""
        if self._mask is None:
            self._mask = self.actions.mask(self.states)
        return self._mask

    def _put(self, index: Tensor, states: States) -> None:
        """Write ``states`` [n] to the n rows ``index``."""
        self._mask = None
        if len(index) == len(self):
            self.states = states
            return
        new, old = states.tensors(), self.states.tensors()
        self.states = self.states.with_tensors({k: old[k].index_copy(0, index, new[k].to(old[k].dtype)) for k in old})

    def _numbers(self, numbers: Any) -> np.ndarray:
        given = np.asarray(numbers)
        if given.shape != (len(self),) or not np.issubdtype(given.dtype, np.integer):
            raise gymnasium.error.InvalidAction(
                f"should be {len(self)} whole numbers, got {given.dtype} of shape {given.shape}"
            )
        if ((given < 0) | (given >= self.actions.count)).any():
            raise gymnasium.error.InvalidAction(f"actions are numbers from 0 to {self.actions.count - 1}")
        return given.astype(np.int64)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
