"""Replay: stored trajectories, one per object, drawn uniformly or with the best ones more often."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.errors import ContractError
from molgfn.policies.base import Policy
from molgfn.serving.measurements import Measurements
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.rewarded import Batch, under_new_conditions
from molgfn.trajectories.sources.base import Context, Kind, Source
from molgfn.trajectories.sources.hindsight import no_hindsight

#: what is stored once for each object, not once for each state
_OF_OBJECTS = frozenset({"lengths", "log_reward", "log_reference", "log_symmetry", "age", "measured"})


class Replay(Source):
    """Keeps the latest trajectory of each object (by key) in preallocated tensors on the CPU.

    Rewards of the states on the way are kept where the trajectories have them; then all must. What was measured is kept
    beside the rewards, so that a stored object can be given another log R without a call. Where R reads a condition,
    log R under the reference condition is kept as well, by which objects built under different conditions compare.

    Args:
        share: share of each batch that comes from the store (from the second batch on), in (0, 1).
        capacity: objects kept, of each process of a run.
        shared: each process of a run keeps what all have drawn, and draws from it by a stream of its own; None: each
            keeps what it drew itself, so that together they remember more.
        hindsight: under a condition: share of what is drawn from the store that comes under the condition which its own
            object is right for (the own direction for a goal, the own value for a target), in (0, 1]; the rest comes
            under newly drawn ones, as all does with None.
    """

    word = "replay"
    keeps_hidden = True
    kind = Kind.STORED

    def __init__(
        self,
        *,
        share: Annotated[float, Field(gt=0, lt=1)] = 0.5,
        capacity: Annotated[int, Field(ge=1)] = 10_000,
        shared: bool | None = None,
        hindsight: Annotated[float, Field(gt=0, le=1)] | None = None,
    ) -> None:
        self.share: float = share
        self.capacity = capacity
        self.shared = shared
        self.hindsight = hindsight
        self._slot_of: dict[str, int] = {}
        self._keys: list[str] = []
        self._age = 0
        self._table: dict[str, Tensor] = {}
        self._states: States | None = None
        self._properties: list[str] = []  # columns of what was measured

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def ready(self) -> bool:
        return len(self) > 0

    @property
    def off_policy(self) -> str:
        return f"feeds it stored trajectories (share {self.share:g})"

    def misfit(self, policy: Policy) -> str | None:
        return None if self.hindsight is None else no_hindsight(policy.environment)

    def draw(self, context: Context, n: int) -> Trajectories:
        stored = self.sample(n, context.choices)
        if context.reward.reads:  # the same paths under other conditions
            environment, own = context.policy.environment, self.hindsight or 0.0
            stored = under_new_conditions(stored, environment, context.reward, context.choices, own)
        return stored.to(context.policy.device)

    def observe(self, batch: Batch) -> None:
        drawn = batch.drawn(everywhere=bool(self.shared))
        self.add(drawn.trajectories, drawn.log_reference)

    @abstractmethod
    def choose(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Slots int64 [n] to train on, with replacement; only called when something is stored."""

    @abstractmethod
    def gives_up(self, log_reward: float) -> int | None:
        """The slot to give up for a newcomer of this log R (as ``comparable``) when the store is full; None keeps the
        newcomer out.
        """

    @property
    def log_reward(self) -> Tensor:
        """log R(x) of what is stored, float64 [len]."""
        return self._table["log_reward"][: len(self)]

    @property
    def comparable(self) -> Tensor:
        """log R(x) of what is stored, float64 [len], under one condition for all: the reference where R reads any."""
        return self._table.get("log_reference", self._table["log_reward"])[: len(self)]

    @property
    def age(self) -> Tensor:
        """When each slot was last written, int64 [len]; larger is later."""
        return self._table["age"][: len(self)]

    def add(self, trajectories: Trajectories, log_reference: Tensor | None = None) -> None:
        """Store scored trajectories; an object that is there already gets the new trajectory.

        Args:
            trajectories: B.
            log_reference: log R of their objects under the reference condition, float64 [B]; None where R reads none.
        """
        t = trajectories.to("cpu")
        if t.log_reward is None:
            raise ContractError("only scored trajectories can be stored: log_reward is None")
        if self._table and ("log_reward_state" in self._table) != (t.log_reward_state is not None):
            raise ContractError("either all or none of the stored trajectories have rewards of the states on the way")
        if self._table and not self._properties:  # of an older checkpoint: what has nothing of it goes on so
            t = replace(t, measurements=None, state_measurements=None)
        if self._table and self._properties != _properties(t):
            raise ContractError(f"stored trajectories were measured by {self._properties}, these by {_properties(t)}")
        width = int(t.lengths.max())
        self._reserve(t, width)
        if log_reference is not None and "log_reference" not in self._table:  # also of an older checkpoint
            self._table["log_reference"] = self._table["log_reward"].clone()
        log_rewards = t.log_reward.double().tolist()  # type: ignore[union-attr]
        comparable = log_rewards if log_reference is None else log_reference.tolist()
        rows, slots = [], []
        for row, key in enumerate(t.keys):
            slot = self._slot_of.get(key)
            if slot is None:
                if len(self._keys) < self.capacity:
                    slot = len(self._keys)
                    self._keys.append(key)
                else:
                    slot = self.gives_up(comparable[row])
                    if slot is None:
                        continue
                    del self._slot_of[self._keys[slot]]
                    self._keys[slot] = key
                self._slot_of[key] = slot
            # Written at once, so that the next ``gives_up`` sees it.
            self._table["log_reward"][slot] = log_rewards[row]
            if log_reference is not None:
                self._table["log_reference"][slot] = comparable[row]
            self._table["age"][slot] = self._age
            self._age += 1
            rows.append(row)
            slots.append(slot)
        if rows:
            self._write(t, rows, slots)

    def _reserve(self, t: Trajectories, width: int) -> None:
        """Make room: tensors of [capacity, width, ...], grown when a longer trajectory comes."""
        have = self._table["actions"].shape[1] if self._table else 0
        if self._table and width <= have:
            return

        def room(like: Tensor) -> Tensor:
            return torch.zeros(self.capacity, width, *like.shape[1:], dtype=like.dtype)

        old_table, old_states = self._table, self._states
        self._table = {
            "actions": room(t.actions),
            "backward_actions": room(t.backward_actions),
            "exits": room(t.exits),
            "lengths": torch.zeros(self.capacity, dtype=torch.int64),
            "log_reward": torch.zeros(self.capacity, dtype=torch.float64),
            "log_symmetry": torch.zeros(self.capacity, dtype=torch.float64),
            "age": torch.zeros(self.capacity, dtype=torch.int64),
        }
        if t.log_reward_state is not None:
            self._table["log_reward_state"] = room(t.log_reward_state.double())
        self._properties = _properties(t)
        if t.measurements is not None:
            self._table["measured"] = torch.zeros(self.capacity, len(self._properties) + 1, dtype=torch.float64)
        if t.state_measurements is not None:
            self._table["state_measured"] = room(t.state_measurements.table())
        self._states = t.states.map(room)
        if old_states is not None:
            for name, value in old_table.items():
                if name in _OF_OBJECTS:
                    self._table[name] = value
                else:
                    self._table[name][:, :have] = value
            for new, old in zip(self._states.tensors().values(), old_states.tensors().values(), strict=True):
                new[:, :have] = old

    def _write(self, t: Trajectories, rows: list[int], slots: list[int]) -> None:
        # The same object twice in one batch: the later row wins, as an indexed write does not promise.
        last = dict(zip(slots, rows, strict=True))
        part, at = t.select(torch.tensor(list(last.values()))), torch.tensor(list(last))
        slot = at[part.trajectory]
        self._table["actions"][slot, part.step] = part.actions
        self._table["backward_actions"][slot, part.step] = part.backward_actions
        self._table["exits"][slot, part.step] = part.exits
        self._table["lengths"][at] = part.lengths
        if part.log_reward_state is not None:
            self._table["log_reward_state"][slot, part.step] = part.log_reward_state.double()
        if part.measurements is not None:
            self._table["measured"][at] = part.measurements.table()
        if part.state_measurements is not None:
            self._table["state_measured"][slot, part.step] = part.state_measurements.table()
        if part.log_symmetry is not None:
            self._table["log_symmetry"][at] = part.log_symmetry.double()
        for stored, given in zip(self._states.tensors().values(), part.states.tensors().values(), strict=True):  # type: ignore[union-attr]
            stored[slot, part.step] = given

    def sample(self, n: int, generator: torch.Generator | None = None) -> Trajectories:
        """``n`` stored trajectories, scored."""
        slots = self.choose(n, generator)
        lengths = self._table["lengths"][slots]
        trajectory = torch.repeat_interleave(torch.arange(n), lengths)
        step = torch.arange(len(trajectory)) - (lengths.cumsum(0) - lengths)[trajectory]
        at = (slots[trajectory], step)
        state_rewards = self._table.get("log_reward_state")
        return Trajectories(
            states=self._states.map(lambda x: x[at]),  # type: ignore[union-attr]
            actions=self._table["actions"][at],
            undoing=self._table["backward_actions"][at],
            exits=self._table["exits"][at],
            trajectory=trajectory,
            step=step,
            lengths=lengths,
            log_reward=self._table["log_reward"][slots],
            log_symmetry=self._table["log_symmetry"][slots],
            log_reward_state=None if state_rewards is None else state_rewards[at],
            measurements=self._measured("measured", slots),
            state_measurements=self._measured("state_measured", at),
            keys=[self._keys[s] for s in slots.tolist()],
            source=["replay"] * n,
        )

    def _measured(self, name: str, at: Any) -> Measurements | None:
        table = self._table.get(name)
        return None if table is None else Measurements.from_table(self._properties, table[at])

    def state_dict(self) -> dict[str, Any]:
        """Everything stored, as plain data and tensors."""
        n = len(self)
        states = {} if self._states is None else {k: v[:n] for k, v in self._states.tensors().items()}
        table = {k: v[:n] for k, v in self._table.items()}
        return {
            "keys": list(self._keys),
            "age": self._age,
            "table": table,
            "states": states,
            "properties": self._properties,
        }

    def load_state_dict(self, state: dict[str, Any], environment: Environment) -> None:
        """Take up what ``state_dict`` gave."""
        self._keys = list(state["keys"])[: self.capacity]
        self._slot_of = {k: i for i, k in enumerate(self._keys)}
        self._age = state["age"]
        self._properties = list(state.get("properties", []))  # older checkpoints have nothing of what was measured
        if not self._keys:
            return

        def room(x: Tensor) -> Tensor:
            return torch.cat([x, x.new_zeros(self.capacity - len(x), *x.shape[1:])])

        table = dict(state["table"])
        if "exits" not in table:  # of an older checkpoint, where -1 said so
            table["exits"] = table["backward_actions"] < 0
        self._table = {k: room(v[: self.capacity]) for k, v in table.items()}
        states = {k: room(v[: self.capacity]) for k, v in state["states"].items()}
        self._states = environment.initial(1).with_tensors(states)


def _properties(trajectories: Trajectories) -> list[str]:
    """Names of what was measured; none where nobody did."""
    return [] if trajectories.measurements is None else list(trajectories.measurements.values)


class UniformReplay(Replay):
    """Every stored object equally often; the oldest goes first when the store is full.

    Args:
        share: share of each batch that comes from the store (from the second batch on), in (0, 1).
        capacity: objects kept, of each process of a run.
        shared: each process of a run keeps what all have drawn; None: what it drew itself.
        hindsight: as of ``Replay``.
    """

    def choose(self, n: int, generator: torch.Generator | None) -> Tensor:
        return torch.randint(len(self), (n,), generator=generator)

    def gives_up(self, log_reward: float) -> int | None:
        return int(self.age.argmin())


class PrioritisedReplay(Replay):
    """Reward-prioritised: a share of the draws from the best objects, the rest from the others.

    The object of least reward goes first when the store is full. Where R reads a condition, the best are those under
    the reference condition: log R under the conditions that objects were built under does not tell which is better.

    Args:
        share: share of each batch that comes from the store (from the second batch on), in (0, 1).
        capacity: objects kept, of each process of a run.
        top_fraction: the best objects are those in this top share by reward, in (0, 1).
        top_share: share of draws that come from them, in [0, 1].
        shared: each process of a run keeps what all have drawn; None: what it drew itself.
        hindsight: as of ``Replay``.

    Reference: Shen et al. 2023, arXiv 2305.07170 (half of the batch from the top 10 %).
    """

    def __init__(
        self,
        *,
        share: Annotated[float, Field(gt=0, lt=1)] = 0.5,
        capacity: Annotated[int, Field(ge=1)] = 10_000,
        top_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1,
        top_share: Annotated[float, Field(ge=0, le=1)] = 0.5,
        shared: bool | None = None,
        hindsight: Annotated[float, Field(gt=0, le=1)] | None = None,
    ) -> None:
        super().__init__(share=share, capacity=capacity, shared=shared, hindsight=hindsight)
        self.top_fraction = top_fraction
        self.top_share = top_share

    def choose(self, n: int, generator: torch.Generator | None) -> Tensor:
        order = self.comparable.argsort(descending=True, stable=True)
        cut = max(1, round(self.top_fraction * len(order)))
        from_top = torch.rand(n, generator=generator) < self.top_share
        u = torch.rand(n, generator=generator, dtype=torch.float64)
        rest = len(order) - cut
        top = (u * cut).long()
        other = cut + (u * rest).long() if rest else top
        return order[torch.where(from_top, top, other)]

    def gives_up(self, log_reward: float) -> int | None:
        worst = int(self.comparable.argmin())
        return worst if log_reward > self.comparable[worst] else None
