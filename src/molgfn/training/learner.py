"""One iteration of training: a batch in, better parameters and metrics out; needs no trainer."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Objective, TargetNetwork
from molgfn.policies.base import Policy
from molgfn.ranks import ALONE, Ranks
from molgfn.training.former_groups import present_groups
from molgfn.training.optimizers import Optimizers
from molgfn.training.updates.backward_steps import BackwardSteps
from molgfn.training.updates.engine import Engine
from molgfn.training.updates.gradient_steps import GradientSteps
from molgfn.training.updates.phases import Phases
from molgfn.training.updates.skipped_steps import NotFiniteError
from molgfn.training.updates.starts import start_critics, start_log_z
from molgfn.training.updates.target_networks import Followers
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.plain import as_plain
from molgfn.trajectories.quantities.flows import LogZ
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.rewarded import Batch
from molgfn.trajectories.union import Union

#: plain torch, for whoever trains without a trainer
_TORCH = Engine()


class Learner:
    """Trains a policy on batches of scored trajectories, one iteration a call of ``step``.

    Each iteration: P_B's own steps, where it has any and they come first; the phases of the forward objective; P_B's
    own steps, where they come last; then the copies follow. A loss updates the parameter groups that it names and no
    other parameter gets a gradient from it.

    Args:
        policy: what is trained.
        objective: trains P_F (and what it names).
        backward: how P_B is chosen and trained.
        optimizers: learning rates, decay, clipping.
        auxiliaries: the networks that objective and backward declare in ``networks``, made as the policy is.
        frozen: the policies that the objective names in ``frozen``; they are read, and nothing else is done to them.
        target: the target network instead of the objective's own; None takes the objective's.
        seed: of the trajectories that P_B draws.
        ranks: the processes of the run; each steps with its share of a batch, and all stay the same.
        give_up: iterations in a row with a step that could not be taken, because a loss or its gradient was not finite,
            after which training ends.

    Attributes:
        policy: what is trained.
        auxiliaries: further networks by name.
        frozen: policies that nobody trains, by name; in no checkpoint.
        followers: copies that lag behind.
        steps: the optimizer, its schedule and the parameter groups.
        iteration: iterations so far.

    Raises:
        ContractError: the policy's parameter groups do not hold each parameter once.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        objective: Objective,
        backward: BackwardPolicyTraining,
        optimizers: Optimizers,
        auxiliaries: Mapping[str, Policy] | None = None,
        frozen: Mapping[str, Policy] | None = None,
        target: TargetNetwork | None = None,
        seed: int = 0,
        ranks: Ranks = ALONE,
        give_up: int = 10,
    ) -> None:
        self.policy, self.objective, self.backward, self.ranks = policy, objective, backward, ranks
        self.auxiliaries: dict[str, Policy] = dict(auxiliaries or {})
        self.frozen: dict[str, Policy] = {k: v.requires_grad_(False).eval() for k, v in (frozen or {}).items()}
        self.followers = Followers(
            policy,
            {network.name: self.auxiliaries[network.name] for network in objective.networks if network.copied},
            target=target or objective.target,
            backward=backward.target if backward.has_loss else None,
        )
        groups = {**policy.parameter_groups(), **{k: list(v.parameters()) for k, v in self.auxiliaries.items()}}
        self.steps = GradientSteps(groups, optimizers, give_up, ranks)
        self.union = Union(ranks)
        self.phases = Phases(policy, objective, self.steps, joint=backward.joint, union=self.union)
        self.backward_steps = BackwardSteps(policy, backward, self.auxiliaries, self.steps, seed, ranks)
        self.iteration = 0

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Everything that has parameters, by the names that checkpoints have for it."""
        auxiliaries = nn.ModuleDict(self.auxiliaries)
        return {"policy": self.policy, "auxiliaries": auxiliaries, "followers": self.followers}

    def step(self, batch: Batch, engine: Engine = _TORCH) -> dict[str, Tensor]:
        """One iteration.

        Args:
            batch: what ``Sources.draw`` gives, on the policy's device.
            engine: runs backward passes and optimizer steps.

        Returns:
            Metrics, detached scalars by name.

        Raises:
            NotFiniteError: a loss or a gradient was not finite, in too many iterations in a row. Its ``state`` is that
                before this one, on the CPU: ``networks``, ``optimizer``, ``schedule``, ``learner`` (their states),
                ``batch`` and ``fresh`` (``trajectories.plain``).
        """
        before = self._whole() if self.steps.skipped.last_chance else None
        metrics = self._step(batch, engine)
        try:
            self.steps.skipped.end_iteration()
        except NotFiniteError as error:
            drawn = {"batch": batch.trajectories, "fresh": batch.fresh.trajectories}
            error.state = (before or {}) | {name: as_plain(t.gathered(self.ranks)) for name, t in drawn.items()}
            raise
        self.iteration += 1
        return metrics

    def _step(self, batch: Batch, engine: Engine) -> dict[str, Tensor]:
        metrics: dict[str, Tensor] = {}
        trajectories, backward = batch.trajectories, self.backward
        reads_log_z = LogZ in self.objective.quantities
        self.backward_steps.see(batch)
        if backward.has_loss and backward.when == "before":
            metrics |= self.backward_steps.take(trajectories, self.iteration, engine)
        networks = self._read(trajectories)
        if self.iteration == 0:
            self._start(trajectories, networks, reads_log_z)
        metrics |= self.phases.run(trajectories, networks, self.iteration, engine, batch.kept)
        if backward.has_loss and backward.when == "after":
            metrics |= self.backward_steps.take(trajectories, self.iteration, engine)
        self.followers.follow(self.iteration)
        self.steps.schedule.step()
        if reads_log_z:
            metrics.setdefault("log_z", self.policy.log_z_of(trajectories.terminal).detach().mean())
        metrics["gradient_steps"] = torch.tensor(float(self.steps.taken))
        metrics["skipped_steps"] = torch.tensor(float(self.steps.skipped.steps))
        return metrics

    def _start(self, batch: Trajectories, networks: Networks, reads_log_z: bool) -> None:
        """Put log Z and the critics, but for what is frozen, where the first batch says that they should be."""
        if reads_log_z and self.steps.trains("log_z"):
            start_log_z(self.policy, self.objective, batch, networks, self.union)
        starting = {n.name: self.auxiliaries[n.name] for n in self.objective.networks if n.start == "returns"}
        critics = {  # by their flow: a table that is not learned may lie beside it
            name: network
            for name, network in starting.items()
            if all(p.requires_grad for p in network.parameter_groups()["flow"])
        }
        if "flow" in self.objective.separate and self.steps.trains("flow"):
            critics["policy"] = self.policy
        start_critics(critics, self.followers, self.policy, batch, networks, self.union)

    def start_log_z_anew(self, batch: Batch) -> None:
        """Put log Z where a batch says that it is, after R became another one: a constant that was right for the R
        before would push all trajectories up, or all down, for as long as it takes to come back.
        """
        if LogZ in self.objective.quantities and self.steps.trains("log_z"):
            networks = self._read(batch.trajectories)
            start_log_z(self.policy, self.objective, batch.trajectories, networks, self.union, always=True)

    def _read(self, batch: Trajectories) -> Networks:
        """What the forward objective reads beside the policy."""
        backward, guide = self.backward, self.backward.guide
        return Networks(
            target=self.followers.of("policy"),
            backward=self.followers.of("backward"),
            own=self.auxiliaries,
            targets=self.followers.auxiliaries,
            frozen=self.frozen,
            log_guide=guide.log_prob(batch, self.policy) if guide is not None and backward.share < 1 else None,
            share=backward.share,
        )

    def _whole(self) -> dict[str, Any]:
        """A copy of everything that an iteration changes."""
        states = {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "optimizer": self.steps.optimizer.state_dict(),
            "schedule": self.steps.schedule.state_dict(),
            "learner": self.state_dict(),
        }
        return copy.deepcopy(states)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Be where ``NotFiniteError.state`` was taken."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        present_groups(self.steps.optimizer, state["optimizer"], state["schedule"])
        self.steps.optimizer.load_state_dict(state["optimizer"])
        self.steps.schedule.load_state_dict(state["schedule"])
        self.load_state_dict(state["learner"])

    def state_dict(self) -> dict[str, Any]:
        """Where it stands, as plain data and tensors; ``networks``, optimizer and schedule have states of their own."""
        return {
            "iteration": self.iteration,
            "gradient_steps": self.steps.taken,
            "skipped_steps": self.steps.skipped.state_dict(),
            **self.backward_steps.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``."""
        self.iteration = state["iteration"]
        self.steps.taken = state["gradient_steps"]
        if "skipped_steps" in state:  # earlier versions ended at the first
            self.steps.skipped.load_state_dict(state["skipped_steps"])
        self.backward_steps.load_state_dict(state)
