"""The LightningModule: score, objective, step. Thin on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from molgfn.objectives import residuals
from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Objective, TargetNetwork
from molgfn.objectives.policy_gradients import advantages
from molgfn.policies.base import Policy
from molgfn.training import log_partition
from molgfn.training.optimizers import Optimizers
from molgfn.training.steps import GradientSteps
from molgfn.training.target_networks import Followers
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.recent import RecentBatches
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.scoring import Networks, score, score_backward


class GFlowNetModule(GradientSteps):
    """Trains a policy on batches of scored trajectories.

    Each iteration: P_B's own steps, where it has any and they come first; the phases of the forward objective; P_B's
    own steps, where they come last; then the copies follow. A loss updates the parameter groups that it names and no
    other parameter gets a gradient from it.

    Args:
        policy: what is trained.
        objective: trains P_F (and what it names).
        backward: how P_B is chosen and trained.
        optimizers: learning rates, decay, clipping.
        auxiliaries: the networks that objective and backward name in ``auxiliaries``, made as the policy is.
        target: the target network instead of the objective's own; None takes the objective's.
        seed: of the trajectories that P_B draws.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        objective: Objective,
        backward: BackwardPolicyTraining,
        optimizers: Optimizers,
        auxiliaries: Mapping[str, Policy] | None = None,
        target: TargetNetwork | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.policy = policy
        self.auxiliaries = nn.ModuleDict(dict(auxiliaries or {}))
        self.objective = objective
        self.backward_training = backward
        self.optimizers_settings = optimizers
        self.followers = Followers(
            policy,
            {name: self.auxiliaries[name] for name in objective.auxiliaries},  # type: ignore[misc]
            target=target or objective.target,
            backward=backward.target if backward.has_loss else None,
        )
        self.groups = {**policy.parameter_groups(), **{k: list(v.parameters()) for k, v in self.auxiliaries.items()}}
        self.recent = RecentBatches(backward.memory)
        #: metrics of this iteration that a row will hold; whoever measures adds to it, ``Rows`` writes and clears it
        self.row: dict[str, float | Tensor] = {}
        self.gradient_steps = 0
        self.seed = seed
        self._stream: torch.Generator | None = None

    def configure_optimizers(self):
        optimizer, schedule = self.optimizers_settings.build(self.groups)
        return [optimizer], [schedule]

    def training_step(self, batch: Trajectories, batch_idx: int) -> dict[str, Tensor]:
        """One iteration; returns the metrics (detached scalars); every ``log_every`` of them go into the row, too."""
        metrics: dict[str, Tensor] = {}
        backward = self.backward_training
        self.recent.add(batch)
        if backward.guide is not None:
            backward.guide.observe(batch.info.get("fresh", batch), self.policy)
        if backward.has_loss and backward.when == "before":
            metrics |= self._train_backward(batch)
        if batch_idx == 0 and self.policy.log_z_start is not None and "log_z" in self.objective.requires:
            self._start_log_z(batch)
        if batch_idx == 0:
            self._start_critics(batch)
        metrics |= self._run_phases(batch, self._networks(batch), backward.joint)
        if backward.has_loss and backward.when == "after":
            metrics |= self._train_backward(batch)
        self.followers.follow(batch_idx)
        rowed = (batch_idx + 1) % self.trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
        if rowed:
            self.row |= {f"lr/{group['name']}": group["lr"] for group in self.optimizers().param_groups}  # type: ignore[union-attr]
        self.lr_schedulers().step()  # type: ignore[union-attr]
        if "log_z" in self.objective.requires:
            metrics.setdefault("log_z", self.policy.log_z_of(batch.terminal).detach().mean())
        metrics["gradient_steps"] = torch.tensor(float(self.gradient_steps))
        if rowed:
            self.row |= {f"train/{name}": value for name, value in metrics.items()}
        return metrics

    def _networks(self, batch: Trajectories) -> Networks:
        """What scoring for the forward objective reads beside the policy."""
        backward, guide = self.backward_training, self.backward_training.guide
        return Networks(
            target=self.followers.of("policy"),
            backward=self.followers.of("backward"),
            auxiliaries=self.auxiliaries,  # type: ignore[arg-type]
            auxiliary_targets=self.followers.auxiliaries,
            log_guide=guide.log_prob(batch, self.policy) if guide is not None and backward.share < 1 else None,
            share=backward.share,
        )

    def _train_backward(self, batch: Trajectories) -> dict[str, Tensor]:
        """P_B's own steps, on what it asks for."""
        backward, metrics = self.backward_training, {}
        for _ in range(backward.steps):
            trajectories = self._for_backward(batch)
            guide = None
            if backward.guide is not None:
                guide = backward.guide.log_prob(trajectories, self.policy)
            networks = Networks(auxiliaries=self.auxiliaries, log_guide=guide)  # type: ignore[arg-type]
            scored = score_backward(trajectories, self.policy, requires=backward.requires, networks=networks)
            metrics |= self._update(self._output(backward, scored), "backward")
        return metrics

    def _for_backward(self, batch: Trajectories) -> Trajectories:
        kind = self.backward_training.trajectories
        if kind == "batch":
            return batch
        if self._stream is None:
            self._stream = torch.Generator(self.device).manual_seed(self.seed + 2**32)
        if kind == "recent":
            return self.recent.draw(self._stream).to(self.device)
        drawn = Sampler(self.policy.environment).backward(self.policy, batch.terminal, generator=self._stream)
        return replace(drawn, log_reward=batch.log_reward, log_symmetry=batch.log_symmetry, keys=batch.keys)

    @torch.no_grad()
    def _start_log_z(self, batch: Trajectories) -> None:
        """As ``policy.log_z_start`` says; a start that is far off costs hundreds of iterations, or the diversity."""
        scored = score(batch, self.policy, requires=frozenset({"log_pb"}), networks=self._networks(batch))
        log_weights = -residuals.scores(scored)
        self.policy.log_z.constant.copy_(log_partition.estimate(log_weights, self.policy.log_z_start))  # type: ignore[arg-type]

    @torch.no_grad()
    def _start_critics(self, batch: Trajectories) -> None:
        """Mean of V (and of the values of the objective's own networks) = mean return-to-go, for the same reason."""
        critics: dict[str, Policy] = {name: self.auxiliaries[name] for name in self.objective.auxiliaries}  # type: ignore[misc]
        if "flow" in self.objective.separate:
            critics["policy"] = self.policy
        if not critics:
            return
        scored = score(batch, self.policy, requires=frozenset({"log_pb"}), networks=self._networks(batch))
        to_go = advantages.rewards_to_go(advantages.soft_rewards(scored))
        mean = to_go[scored.mask].mean()
        for name, critic in critics.items():
            offset = mean - critic(batch.states, forward=False, flow=True).log_flow.mean()  # type: ignore[union-attr]
            critic.raise_flow(offset)
            copy = self.followers.of(name)
            if copy is not None:
                copy.raise_flow(offset)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        guide = self.backward_training.guide
        checkpoint["beside"] = {
            "gradient_steps": self.gradient_steps,
            "stream": None if self._stream is None else self._stream.get_state(),
            "recent": self.recent.state_dict(),
            "guide": None if guide is None else guide.state_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["beside"]
        self.gradient_steps = state["gradient_steps"]
        if state["stream"] is not None:
            self._stream = torch.Generator(self.device)
            self._stream.set_state(state["stream"].cpu())
        self.recent.load_state_dict(state["recent"], self.policy.environment.initial(1))
        if self.backward_training.guide is not None:
            self.backward_training.guide.load_state_dict(state["guide"])
