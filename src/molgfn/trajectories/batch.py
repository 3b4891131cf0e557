"""Trajectories as they are stored: flat."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.base import States
from molgfn.ranks import Ranks
from molgfn.serving.measurements import Measurements
from molgfn.trajectories.pairs import Pairs
from molgfn.trajectories.undoing import Undoing


@dataclass(frozen=True)
class Trajectories:
    """B complete trajectories, flat: all S states of all trajectories, trajectory by trajectory, step by step.

    A trajectory has T transitions, the last one the exit, and so T states s_0 ... s_{T-1} = x (the sink is not stored).

    Attributes:
        states: S states.
        actions: int64 [S] or [S, parts], the forward action taken at each state.
        undoing: ``backward_actions``, or who finds them when they are first read.
        exits: bool [S], the action is the exit (the last of a trajectory, and no other).
        trajectory: int64 [S], non-decreasing, in [0, B).
        step: int64 [S], 0 at the source.
        lengths: int64 [B], T of each trajectory.
        log_reward: float [B], log R(x); None before scoring.
        log_symmetry: float [B], log C(x) (see ``Environment.log_symmetry``); None before scoring.
        log_reward_state: float [S], log R'(s) of every state that stands for an object, 0 elsewhere; None where nobody
            asked for it.
        measurements: what was measured of the B objects, on the CPU; None before scoring, or where nobody measures.
        state_measurements: the same of the S states, where there is ``log_reward_state``; a state that stands for no
            object has no value.
        keys: B object keys; empty before scoring.
        source: B words, where each trajectory came from ("policy", "local_search", "replay", "offline").
        pairs: which of them are two of a pair, of which one is preferred; None where none is.
    """

    states: States
    actions: Tensor
    undoing: Tensor | Undoing
    exits: Tensor
    trajectory: Tensor
    step: Tensor
    lengths: Tensor
    log_reward: Tensor | None = None
    log_symmetry: Tensor | None = None
    log_reward_state: Tensor | None = None
    measurements: Measurements | None = None
    state_measurements: Measurements | None = None
    keys: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    pairs: Pairs | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def backward_actions(self) -> Tensor:
        """int64 [S] or [S, parts], the action at the *next* state that undoes each; of an exit, which nothing undoes,
        any number.
        """
        return self.undoing if isinstance(self.undoing, Tensor) else self.undoing()

    def __getstate__(self) -> dict[str, Any]:
        """What goes to other processes, which may not be able to ask this environment."""
        return {**vars(self), "undoing": self.backward_actions}

    @property
    def last(self) -> Tensor:
        """int64 [B]: flat index of the last (terminating) state of each trajectory."""
        return self.lengths.cumsum(0) - 1

    @property
    def terminal(self) -> States:
        """The B terminating states x."""
        return self.states[self.last]

    @property
    def log_target(self) -> Tensor:
        """log R'(x) = log R(x) - log C(x), [B]: what the flows are trained to."""
        if self.log_reward is None:
            raise ValueError("these trajectories have not been scored yet: log_reward is None")
        return self.log_reward if self.log_symmetry is None else self.log_reward - self.log_symmetry

    def select(self, index: Tensor) -> Trajectories:
        """The trajectories at ``index`` (int64 [b], repeats allowed), in that order."""
        start = (self.last - self.lengths + 1)[index]
        lengths = self.lengths[index]
        trajectory = torch.repeat_interleave(torch.arange(len(index), device=lengths.device), lengths)
        step = torch.arange(len(trajectory), device=lengths.device) - (lengths.cumsum(0) - lengths)[trajectory]
        flat = start[trajectory] + step
        rows = index.tolist()
        return Trajectories(
            states=self.states[flat],
            actions=self.actions[flat],
            undoing=self.backward_actions[flat],
            exits=self.exits[flat],
            trajectory=trajectory,
            step=step,
            lengths=lengths,
            log_reward=None if self.log_reward is None else self.log_reward[index],
            log_symmetry=None if self.log_symmetry is None else self.log_symmetry[index],
            log_reward_state=None if self.log_reward_state is None else self.log_reward_state[flat],
            measurements=None if self.measurements is None else self.measurements.index(rows),
            state_measurements=None if self.state_measurements is None else self.state_measurements.index(flat),
            keys=[self.keys[i] for i in rows] if self.keys else [],
            source=[self.source[i] for i in rows] if self.source else [],
            pairs=None if self.pairs is None else self.pairs.select(index),
        )

    def gathered(self, ranks: Ranks) -> Trajectories:
        """Those of all ranks, one after the other, on the CPU; as they are where there is one rank."""
        return self if ranks.size == 1 else Trajectories.cat(ranks.gather(self.to("cpu")))

    @classmethod
    def cat(cls, parts: list[Trajectories]) -> Trajectories:
        """Batches one after the other."""
        if len(parts) == 1:
            return parts[0]
        offsets = torch.tensor([0] + [len(p) for p in parts]).cumsum(0).tolist()

        def both(name: str) -> Tensor | None:
            values = [getattr(p, name) for p in parts]
            return None if any(v is None for v in values) else torch.cat(values)

        return cls(
            states=type(parts[0].states).cat([p.states for p in parts]),
            actions=torch.cat([p.actions for p in parts]),
            undoing=torch.cat([p.backward_actions for p in parts]),
            exits=torch.cat([p.exits for p in parts]),
            trajectory=torch.cat([p.trajectory + o for p, o in zip(parts, offsets, strict=False)]),
            step=torch.cat([p.step for p in parts]),
            lengths=torch.cat([p.lengths for p in parts]),
            log_reward=both("log_reward"),
            log_symmetry=both("log_symmetry"),
            log_reward_state=both("log_reward_state"),
            measurements=_measured([p.measurements for p in parts]),
            state_measurements=_measured([p.state_measurements for p in parts]),
            keys=[k for p in parts for k in p.keys],
            source=[s for p in parts for s in p.source],
            pairs=Pairs.joined(parts),
        )

    def to(self, device: torch.device | str) -> Trajectories:
        def move(t: Tensor | None) -> Tensor | None:
            return None if t is None else t.to(device)

        return replace(
            self,
            states=self.states.to(device),
            actions=self.actions.to(device),
            undoing=self.undoing if self.actions.to(device) is self.actions else self.backward_actions.to(device),
            exits=self.exits.to(device),
            trajectory=self.trajectory.to(device),
            step=self.step.to(device),
            lengths=self.lengths.to(device),
            log_reward=move(self.log_reward),
            log_symmetry=move(self.log_symmetry),
            log_reward_state=move(self.log_reward_state),
            pairs=None if self.pairs is None else self.pairs.to(device),
        )

    def pad(self, flat: Tensor, fill: float = 0.0) -> Tensor:
        """[S, ...] per state -> [B, T_max, ...] per trajectory and step, ``fill`` on pads."""
        width = int(self.lengths.max())
        out = flat.new_full((len(self), width, *flat.shape[1:]), fill)
        return out.index_put((self.trajectory, self.step), flat)


def _measured(parts: list[Measurements | None]) -> Measurements | None:
    """What all parts measured, as one; None where one has not, or has measured other properties."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({frozenset(part.values) for part in known}) > 1:
        return None
    return Measurements.cat(known)
