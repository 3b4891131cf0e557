"""The LightningModule: score, objective, step. Thin on purpose."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor

from molgfn.errors import TrainingError
from molgfn.objectives import residuals
from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Objective, ObjectiveOutput
from molgfn.policies.base import Policy
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.scoring import score, score_backward


class GFlowNetModule(pl.LightningModule):
    """Trains a policy on batches of scored trajectories.

    Each iteration: P_B's own step, where it has one; then the forward objective's step. A loss updates the parameter
    groups that it names and no other parameter gets a gradient from it.

    Args:
        policy: what is trained.
        objective: trains P_F (and what it names).
        backward: how P_B is chosen and trained.
        optimizers: learning rates, decay, clipping.
    """

    def __init__(
        self, *, policy: Policy, objective: Objective, backward: BackwardPolicyTraining, optimizers: Optimizers
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.policy = policy
        self.objective = objective
        self.backward_training = backward
        self.optimizers_settings = optimizers
        self.groups = policy.parameter_groups()

    def configure_optimizers(self):
        optimizer, schedule = self.optimizers_settings.build(self.policy)
        return [optimizer], [schedule]

    def training_step(self, batch: Trajectories, batch_idx: int) -> dict[str, Tensor]:
        """One iteration; returns the metrics (detached scalars), which are logged as well."""
        metrics: dict[str, Tensor] = {}
        if self.backward_training.has_loss:
            output = self.backward_training(score_backward(batch, self.policy))
            metrics |= self._update(output, "backward")
        joint = self.backward_training.joint
        if batch_idx == 0 and self.policy.log_z_from_batch and "log_z" in self.objective.requires:
            self._start_log_z(batch)
        scored = score(batch, self.policy, requires=self.objective.requires, joint=joint)
        metrics |= self._update(self.objective(scored), "forward")
        self.lr_schedulers().step()  # type: ignore[union-attr]
        metrics["log_z"] = metrics.get("log_z", self.policy.log_z.detach())
        self.log_dict({f"train/{k}": v for k, v in metrics.items()}, batch_size=len(batch))
        return metrics

    @torch.no_grad()
    def _start_log_z(self, batch: Trajectories) -> None:
        """log Z = mean of -S(tau): a start that is far off costs hundreds of iterations."""
        scored = score(batch, self.policy, requires=frozenset({"log_pb"}))
        self.policy.log_z.copy_(-residuals.scores(scored).mean())

    def _update(self, output: ObjectiveOutput, what: str) -> dict[str, Tensor]:
        """Backward each loss into its own groups, clip, step."""
        optimizer = self.optimizers()
        optimizer.zero_grad(set_to_none=True)  # type: ignore[union-attr]
        last = len(output.losses) - 1
        touched: dict[int, torch.nn.Parameter] = {}
        for i, loss in enumerate(output.losses.values()):
            parameters = [p for g in sorted(loss.groups) for p in self.groups[g] if p.requires_grad]
            self.manual_backward(loss.value, inputs=parameters, retain_graph=i < last)
            touched |= {id(p): p for p in parameters}
        norm = self.optimizers_settings.clip(list(touched.values()))
        if not torch.isfinite(norm):
            iteration = self.trainer.fit_loop.epoch_loop.batch_idx
            raise TrainingError(
                f"the gradient of {', '.join(output.losses)} is {float(norm)} at iteration {iteration}; the weights "
                "are as they were before it. Lower optimizer.lr, or look at the rewards (metrics.csv)"
            )
        optimizer.step()  # type: ignore[union-attr]
        losses = {f"loss/{name}": loss.value.detach() for name, loss in output.losses.items()}
        return {**losses, **output.metrics, f"gradient_norm/{what}": norm}
