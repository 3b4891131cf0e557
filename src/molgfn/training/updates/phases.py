"""The phases of a forward objective: what an iteration does to P_F and whatever else the objective trains."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from molgfn.objectives.base import Objective, ObjectiveOutput, Phase, TrustRegion
from molgfn.policies.base import Policy
from molgfn.training.updates import log_partition
from molgfn.training.updates.engine import Engine
from molgfn.training.updates.gradient_steps import GradientSteps, full_precision, losses_of
from molgfn.training.updates.skipped_steps import origin
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate, evaluate_and_anchor
from molgfn.trajectories.evaluated import Evaluated, Values
from molgfn.trajectories.kept import Kept
from molgfn.trajectories.quantities.networks import Anchor, Networks
from molgfn.trajectories.union import WHOLE, Union


class Phases:
    """Runs the phases of an objective on a batch.

    Args:
        policy: what is trained.
        objective: says which steps there are.
        steps: takes them.
        joint: the gradient of the objective reaches P_B.
        union: the batch of all processes.
    """

    def __init__(
        self, policy: Policy, objective: Objective, steps: GradientSteps, *, joint: bool, union: Union = WHOLE
    ) -> None:
        self.policy, self.objective, self.steps, self.joint = policy, objective, steps, joint
        self.union = union

    def run(
        self, batch: Trajectories, networks: Networks, iteration: int, engine: Engine, kept: Kept | None = None
    ) -> dict[str, Tensor]:
        """All steps of an iteration; the first evaluation is shared between ``prepare`` and the first step.

        What is ``kept`` of the rollout is not computed again.
        """
        self.objective.begin(iteration)
        phases = self.objective.phases()
        first = phases[0]
        again = sum(p.epochs * p.splits for p in phases) > 1 or first.trust_region is not None
        evaluated, anchor = evaluate_and_anchor(
            batch,
            self.policy,
            quantities=(*self.objective.prepares_from, *first.quantities),
            joint=self.joint,
            networks=networks,
            keep=again and any(p.anchored for p in phases),
            kept=kept,
            union=self.union,
        )
        if kept is not None:
            kept.release()
        with torch.no_grad(), full_precision(evaluated.mask.device):
            frozen = self.objective.prepare(evaluated.detach())
            learns_log_z = "log_z" in self.objective.trains and self.steps.trains("log_z")
            catching_up = learns_log_z and self.steps.optimizers.catch_up
            log_weights = self._log_weights(batch, evaluated, networks) if catching_up else None
        metrics: dict[str, Tensor] = {}
        for phase in phases:
            if phase.trust_region is not None:
                start = evaluated.having(frozen) if phase is first else None
                metrics |= self._step_in_region(phase, batch, frozen, networks, anchor, start, iteration)
                continue
            for epoch in range(phase.epochs):
                for part in range(phase.splits):
                    if phase is first and epoch == 0 and phase.splits == 1:
                        now = evaluated.having(frozen)
                    else:
                        now = self._evaluate(phase, batch, frozen, networks, anchor, self.joint, part)
                    rows = self._part(phase, len(batch), part)
                    why = partial(origin, batch, now, rows)
                    metrics |= self.steps.take(losses_of(phase.loss, now), phase.name, iteration, engine, why)
        if log_weights is not None:
            log_partition.catch_up(self.policy.log_z.constant.data, log_weights)
        return metrics

    def _log_weights(self, batch: Trajectories, evaluated: Evaluated, networks: Networks) -> Tensor:
        """``Objective.log_weights`` of the batch of all processes, [B], less what a condition adds to log Z; where a
        batch repeats conditions the mean of each, as its trajectories are not so many voices about the others.

        From the evaluation that is there unless it lacks something.
        """
        weighs_by = self.objective.weighs_by
        if not all(quantity in evaluated for quantity in weighs_by):
            evaluated = evaluate(batch, self.policy, quantities=weighs_by, networks=networks, union=self.union)
        log_weights = self.objective.log_weights(evaluated.detach())
        if evaluated.groups is None:
            return self.union.gather(log_weights)
        # what is left for the constant of log Z
        log_weights = log_weights - self.policy.log_z.beside(self.policy.environment.condition(batch.terminal))
        return log_partition.by_condition(self.union.gather(log_weights), self.union.gather(evaluated.groups))

    def _step_in_region(
        self,
        phase: Phase,
        batch: Trajectories,
        frozen: Values,
        networks: Networks,
        anchor: Anchor | None,
        start: Evaluated | None,
        iteration: int,
    ) -> dict[str, Tensor]:
        def again() -> ObjectiveOutput:
            return losses_of(phase.loss, self._evaluate(phase, batch, frozen, networks, anchor))

        start = self._evaluate(phase, batch, frozen, networks, anchor) if start is None else start
        why = partial(origin, batch, start, range(len(batch)))
        region: TrustRegion = phase.trust_region  # type: ignore[assignment]
        return self.steps.take_in_region(losses_of(phase.loss, start), again, region, phase.name, iteration, why)

    def _part(self, phase: Phase, n: int, part: int) -> Sequence[int]:
        """The trajectories of one part of a batch of n; those that are compared stay together."""
        together = self.policy.environment.per_condition if self.objective.compares else 1
        if together == 1:
            return range(part, n, phase.splits)
        trajectories = torch.arange(n)
        return trajectories[trajectories // together % phase.splits == part].tolist()

    def _evaluate(
        self,
        phase: Phase,
        batch: Trajectories,
        frozen: Values,
        networks: Networks,
        anchor: Anchor | None,
        joint: bool = False,
        part: int = 0,
    ) -> Evaluated:
        """One part of the batch under the present parameters, with what is frozen for the iteration.

        Each process splits its own share: a part of the batch is the union of the shares' parts.
        """
        index = None
        if phase.splits > 1:
            index = torch.tensor(self._part(phase, len(batch), part), device=batch.lengths.device)
            batch = batch.select(index)
        evaluated = evaluate(
            batch,
            self.policy,
            quantities=phase.quantities,
            joint=joint,
            networks=networks,
            anchor=anchor if phase.anchored else None,
            needs_log_pf=phase.needs_log_pf,
            union=self.union,
        )
        width = evaluated.mask.shape[1]
        fixed = frozen if index is None else {k: v[index] for k, v in frozen.items()}
        return evaluated.having({k: v[:, :width] if v.dim() > 1 else v for k, v in fixed.items()})
