"""Trajectories as they are stored (flat) and as objectives read them (padded [B, T])."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from molgfn.environments.base import States
from molgfn.errors import ContractError


@dataclass(frozen=True)
class Trajectories:
    """B complete trajectories, flat: all S states of all trajectories, trajectory by trajectory, step by step.

    A trajectory has T transitions, the last one the exit, and so T states s_0 ... s_{T-1} = x (the sink is not stored).

    Attributes:
        states: S states.
        actions: int64 [S] or [S, parts], the forward action taken at each state.
        backward_actions: int64 [S] or [S, parts], the action at the *next* state that undoes it; of an exit, which
            nothing undoes, any number.
        exits: bool [S], the action is the exit (the last of a trajectory, and no other).
        trajectory: int64 [S], non-decreasing, in [0, B).
        step: int64 [S], 0 at the source.
        lengths: int64 [B], T of each trajectory.
        log_reward: float [B], log R(x); None before scoring.
        log_symmetry: float [B], log C(x) (see ``Environment.log_symmetry``); None before scoring.
        log_reward_state: float [S], log R'(s) of every state that stands for an object, 0 elsewhere; None where nobody
            asked for it.
        keys: B object keys; empty before scoring.
        source: B words, where each trajectory came from ("policy", "local_search", "replay", "offline").
    """

    states: States
    actions: Tensor
    backward_actions: Tensor
    exits: Tensor
    trajectory: Tensor
    step: Tensor
    lengths: Tensor
    log_reward: Tensor | None = None
    log_symmetry: Tensor | None = None
    log_reward_state: Tensor | None = None
    keys: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lengths)

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
            backward_actions=self.backward_actions[flat],
            exits=self.exits[flat],
            trajectory=trajectory,
            step=step,
            lengths=lengths,
            log_reward=None if self.log_reward is None else self.log_reward[index],
            log_symmetry=None if self.log_symmetry is None else self.log_symmetry[index],
            log_reward_state=None if self.log_reward_state is None else self.log_reward_state[flat],
            keys=[self.keys[i] for i in rows] if self.keys else [],
            source=[self.source[i] for i in rows] if self.source else [],
        )

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
            backward_actions=torch.cat([p.backward_actions for p in parts]),
            exits=torch.cat([p.exits for p in parts]),
            trajectory=torch.cat([p.trajectory + o for p, o in zip(parts, offsets, strict=False)]),
            step=torch.cat([p.step for p in parts]),
            lengths=torch.cat([p.lengths for p in parts]),
            log_reward=both("log_reward"),
            log_symmetry=both("log_symmetry"),
            log_reward_state=both("log_reward_state"),
            keys=[k for p in parts for k in p.keys],
            source=[s for p in parts for s in p.source],
        )

    def to(self, device: torch.device | str) -> Trajectories:
        def move(t: Tensor | None) -> Tensor | None:
            return None if t is None else t.to(device)

        return replace(
            self,
            states=self.states.to(device),
            actions=self.actions.to(device),
            backward_actions=self.backward_actions.to(device),
            exits=self.exits.to(device),
            trajectory=self.trajectory.to(device),
            step=self.step.to(device),
            lengths=self.lengths.to(device),
            log_reward=move(self.log_reward),
            log_symmetry=move(self.log_symmetry),
            log_reward_state=move(self.log_reward_state),
        )

    def pad(self, flat: Tensor, fill: float = 0.0) -> Tensor:
        """[S, ...] per state -> [B, T_max, ...] per trajectory and step, ``fill`` on pads."""
        width = int(self.lengths.max())
        out = flat.new_full((len(self), width, *flat.shape[1:]), fill)
        return out.index_put((self.trajectory, self.step), flat)


@dataclass(frozen=True)
class Scored:
    """Trajectories under the present policy, as objectives read them: padded [B, T], pads on the right.

    Fields that the objective did not require are None. All are 0 on pads, and where they have no meaning.

    Attributes:
        mask: bool [B, T], the step is real (the exit is).
        is_exit: bool [B, T], the step is the exit.
        log_pf: [B, T], log P_F(s_{t+1} | s_t) of the action taken.
        log_reward: [B], log R'(x) (the symmetry term taken off).
        log_pb: [B, T], log P_B(s_t | s_{t+1}); 0 at the exit; without gradient where P_B is not trained jointly.
        log_flow: [B, T], log F(s_t), or V(s_t).
        log_z: scalar, or [B] for a conditional policy.
        entropy: [B, T], entropy of P_F(. | s_t).
        log_pf_exit: [B, T], log P_F(stop | s_t); about -1e9 where stop is illegal.
        can_stop: bool [B, T], stop is legal at s_t; there with ``log_pf_exit``.
        log_reward_state: [B, T], log R'(s_t) of every state that stands for an object.
        log_inflow: [B, T], log of the sum over all parents p of s_t and actions a that lead here of F(p) P_F(a | p);
            0 at the source.
        log_pf_old: [B, T], ``log_pf`` at the start of the iteration, frozen by ``Objective.prepare``.
        kl: [B, T], KL(P_F(.|s_t) || anchor), exact.
        kl_old: [B, T], KL(anchor || P_F(.|s_t)), exact.
        advantage: [B, T], frozen by ``Objective.prepare``.
        value_target: [B, T], what V(s_t) is fitted to, frozen by ``Objective.prepare``.
        value_old: [B, T], V(s_t) at the start of the iteration, frozen by ``Objective.prepare``.
        target_log_flow: [B, T], ``log_flow`` of the target network, no gradient.
        target_log_pf: [B, T], ``log_pf`` of the target network, no gradient.
        q_taken: [B, T, C], Q_c(s_t, a_t) of C critics, with their gradient.
        q_gap: [B, T], sum_a P_F(a|s_t) (log P_F(a|s_t) - min_c Q_c(s_t, a)), with the gradient of P_F only.
        q_value: [B, T], sum_a P_F(a|s_t) (min_c Qbar_c(s_t, a) - log P_F(a|s_t)) of the critics' targets, no gradient.
        log_pf_all: [B, T, A], log P_F of every action; -inf where illegal.
        log_children: [B, T, A], log flow of what every legal action leads to, by the target network where there is one,
            no gradient; -inf where illegal and at stop.
        log_path_factor: [B, T], log g(s_t), g = product of (legal actions at s_i) / (parents of s_{i+1}) on the way.
        log_child_factor: [B, T, A], the same for what every legal action leads to; -inf where illegal.
        log_guide: [B, T], log-probability of the step under a guide; see ``objectives.backward.base.Guide``.
        value_backward: [B, T], value of s_t for the backward policy, of a network of its own.
        log_paths: [B, T], log of the number of paths from the source to s_t, of a network of its own.
    """

    mask: Tensor
    is_exit: Tensor
    log_pf: Tensor
    log_reward: Tensor
    log_pb: Tensor | None = None
    log_flow: Tensor | None = None
    log_z: Tensor | None = None
    entropy: Tensor | None = None
    log_pf_exit: Tensor | None = None
    can_stop: Tensor | None = None
    log_reward_state: Tensor | None = None
    log_inflow: Tensor | None = None
    log_pf_old: Tensor | None = None
    kl: Tensor | None = None
    kl_old: Tensor | None = None
    advantage: Tensor | None = None
    value_target: Tensor | None = None
    value_old: Tensor | None = None
    target_log_flow: Tensor | None = None
    target_log_pf: Tensor | None = None
    q_taken: Tensor | None = None
    q_gap: Tensor | None = None
    q_value: Tensor | None = None
    log_pf_all: Tensor | None = None
    log_children: Tensor | None = None
    log_path_factor: Tensor | None = None
    log_child_factor: Tensor | None = None
    log_guide: Tensor | None = None
    value_backward: Tensor | None = None
    log_paths: Tensor | None = None

    def detach(self) -> Scored:
        """The same numbers without gradient."""
        return replace(self, **{k: v.detach() for k, v in vars(self).items() if isinstance(v, Tensor)})

    def __len__(self) -> int:
        return len(self.log_reward)

    def need(self, name: str) -> Tensor:
        """The field ``name``, which an objective that reads it lists in its ``requires``.

        Raises:
            ContractError: it is None, because it was not required.
        """
        value = getattr(self, name)
        if value is None:
            raise ContractError(f"{name} was not scored: the objective that reads it must list it in `requires`")
        return value
