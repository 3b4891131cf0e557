"""The gradient steps of an iteration: the phases of an objective, each step by Adam or in a trust region."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from molgfn.errors import TrainingError
from molgfn.objectives import residuals
from molgfn.objectives.base import Objective, ObjectiveOutput, Phase
from molgfn.policies.base import Policy
from molgfn.training import log_partition
from molgfn.training.optimizers import Optimizers
from molgfn.training.trust_region import TrustRegionOptimizer
from molgfn.trajectories.batch import Scored, Trajectories
from molgfn.trajectories.scoring import Anchor, Networks, score, score_and_anchor


class GradientSteps(pl.LightningModule):
    """What every step of training is made of; ``GFlowNetModule`` says when which step comes.

    Attributes:
        policy: what is trained.
        objective: trains P_F (and what it names).
        optimizers_settings: learning rates, clipping.
        groups: parameter groups by name, those of the policy and one for each further network.
        gradient_steps: taken so far.
    """

    policy: Policy
    objective: Objective
    optimizers_settings: Optimizers
    groups: dict[str, list[nn.Parameter]]
    gradient_steps: int

    def _run_phases(self, batch: Trajectories, networks: Networks, joint: bool) -> dict[str, Tensor]:
        """The phases of the objective; the first scoring is shared between ``prepare`` and the first step."""
        phases = self.objective.phases()
        first = phases[0]
        again = sum(p.epochs * p.splits for p in phases) > 1 or first.trust_region is not None
        scored, anchor = score_and_anchor(
            batch,
            self.policy,
            requires=first.requires | self.objective.anchors,
            joint=joint,
            networks=networks,
            keep=again and any(p.requires & {"kl", "kl_old"} for p in phases),
        )
        with torch.no_grad(), self._full_precision():
            frozen = self.objective.prepare(scored.detach())
            catching_up = "log_z" in self.objective.trains and self.optimizers_settings.catch_up
            log_weights = self._log_weights(batch, scored, networks) if catching_up else None
        metrics: dict[str, Tensor] = {}
        for phase in phases:
            if phase.trust_region is not None:
                start = replace(scored, **frozen) if phase is first else None
                metrics |= self._step_in_region(phase, batch, frozen, networks, anchor, start)
                continue
            for epoch in range(phase.epochs):
                for part in range(phase.splits):
                    if phase is first and epoch == 0 and phase.splits == 1:
                        now = replace(scored, **frozen)
                    else:
                        now = self._score(phase, batch, frozen, networks, anchor, joint, part)
                    metrics |= self._update(self._output(phase.loss, now), phase.name)
        if log_weights is not None:
            log_partition.catch_up(self.policy.log_z.constant.data, log_weights)
        return metrics

    def _log_weights(self, batch: Trajectories, scored: Scored, networks: Networks) -> Tensor:
        """-S(tau) of the batch, [B], less what a condition adds to log Z.

        From the scoring that is there unless it has no log P_B.
        """
        if scored.log_pb is None:
            scored = score(batch, self.policy, requires=frozenset({"log_pb"}), networks=networks)
        log_weights = -residuals.scores(scored.detach())
        if self.policy.environment.condition_size:  # what the constant of log Z is to catch up with
            log_weights = log_weights - self.policy.log_z.beside(self.policy.environment.condition(batch.terminal))
        return log_weights

    def _full_precision(self) -> torch.autocast:
        """Objectives compute in the precision of what was scored, float32 at least; autocast is for networks."""
        return torch.autocast(self.device.type, enabled=False)

    def _output(self, loss: Callable[[Scored], ObjectiveOutput], scored: Scored) -> ObjectiveOutput:
        with self._full_precision():
            return loss(scored)

    def _score(
        self,
        phase: Phase,
        batch: Trajectories,
        frozen: dict[str, Tensor],
        networks: Networks,
        anchor: Anchor | None,
        joint: bool = False,
        part: int = 0,
    ) -> Scored:
        """One part of the batch under the present parameters, with what is frozen for the iteration."""
        index = None
        if phase.splits > 1:
            index = torch.arange(part, len(batch), phase.splits, device=batch.lengths.device)
            batch = batch.select(index)
        scored = score(
            batch,
            self.policy,
            requires=phase.requires,
            joint=joint,
            networks=networks,
            anchor=anchor if phase.requires & {"kl", "kl_old"} else None,
            needs_log_pf=phase.needs_log_pf,
        )
        width = scored.mask.shape[1]
        fixed = frozen if index is None else {k: v[index] for k, v in frozen.items()}
        return replace(scored, **{k: v[:, :width] if v.dim() > 1 else v for k, v in fixed.items()})

    def _step_in_region(
        self,
        phase: Phase,
        batch: Trajectories,
        frozen: dict[str, Tensor],
        networks: Networks,
        anchor: Anchor | None,
        start: Scored | None,
    ) -> dict[str, Tensor]:
        """One natural-gradient step within the trust region of the phase."""

        def evaluate() -> ObjectiveOutput:
            return self._output(phase.loss, self._score(phase, batch, frozen, networks, anchor))

        first = evaluate() if start is None else self._output(phase.loss, start)
        ((name, loss),) = first.losses.items()
        settings = vars(phase.trust_region)
        optimizer = TrustRegionOptimizer([p for g in sorted(loss.groups) for p in self.groups[g]], **settings)

        def closure() -> tuple[Tensor, Tensor]:
            output = evaluate()
            return output.losses[name].value, output.divergence  # type: ignore[return-value]

        optimizer.step(closure)
        self.gradient_steps += 1
        report = {f"trust_region/{k}": torch.tensor(float(v)) for k, v in optimizer.report.items()}
        return {f"loss/{name}": loss.value.detach(), **first.metrics, **report}

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
        self.gradient_steps += 1
        losses = {f"loss/{name}": loss.value.detach() for name, loss in output.losses.items()}
        return {**losses, **output.metrics, f"gradient_norm/{what}": norm}
