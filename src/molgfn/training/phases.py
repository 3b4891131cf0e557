"""The phases of a forward objective: what an iteration does to P_F and whatever else the objective trains."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from molgfn.objectives import residuals
from molgfn.objectives.base import Objective, ObjectiveOutput, Phase
from molgfn.policies.base import Policy
from molgfn.training import log_partition
from molgfn.training.engine import Engine
from molgfn.training.steps import GradientSteps, full_precision, losses_of
from molgfn.trajectories.batch import Scored, Trajectories
from molgfn.trajectories.scoring import Anchor, Networks, score, score_and_anchor


class Phases:
    """Runs the phases of an objective on a batch.

    Args:
        policy: what is trained.
        objective: says which steps there are.
        steps: takes them.
        joint: the gradient of the objective reaches P_B.
    """

    def __init__(self, policy: Policy, objective: Objective, steps: GradientSteps, *, joint: bool) -> None:
        self.policy, self.objective, self.steps, self.joint = policy, objective, steps, joint

    def run(self, batch: Trajectories, networks: Networks, iteration: int, engine: Engine) -> dict[str, Tensor]:
        """All steps of an iteration; the first scoring is shared between ``prepare`` and the first step."""
        phases = self.objective.phases()
        first = phases[0]
        again = sum(p.epochs * p.splits for p in phases) > 1 or first.trust_region is not None
        scored, anchor = score_and_anchor(
            batch,
            self.policy,
            requires=first.requires | self.objective.anchors,
            joint=self.joint,
            networks=networks,
            keep=again and any(p.requires & {"kl", "kl_old"} for p in phases),
        )
        with torch.no_grad(), full_precision(scored.mask.device):
            frozen = self.objective.prepare(scored.detach())
            catching_up = "log_z" in self.objective.trains and self.steps.optimizers.catch_up
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
                        now = self._score(phase, batch, frozen, networks, anchor, self.joint, part)
                    metrics |= self.steps.take(losses_of(phase.loss, now), phase.name, iteration, engine)
        if log_weights is not None:
            log_partition.catch_up(self.policy.log_z.data, log_weights)
        return metrics

    def _log_weights(self, batch: Trajectories, scored: Scored, networks: Networks) -> Tensor:
        """-S(tau) of the batch, [B], from the scoring that is there unless it has no log P_B."""
        if scored.log_pb is None:
            scored = score(batch, self.policy, requires=frozenset({"log_pb"}), networks=networks)
        return -residuals.scores(scored.detach())

    def _step_in_region(
        self,
        phase: Phase,
        batch: Trajectories,
        frozen: dict[str, Tensor],
        networks: Networks,
        anchor: Anchor | None,
        start: Scored | None,
    ) -> dict[str, Tensor]:
        def evaluate() -> ObjectiveOutput:
            return losses_of(phase.loss, self._score(phase, batch, frozen, networks, anchor))

        first = evaluate() if start is None else losses_of(phase.loss, start)
        return self.steps.take_in_region(first, evaluate, phase.trust_region)  # type: ignore[arg-type]

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
