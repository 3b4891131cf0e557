"""The gradient steps of an iteration, each by the run's optimizer or within a trust region."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import torch
from torch import Tensor, nn

from molgfn.objectives.base import ObjectiveOutput, TrustRegion
from molgfn.ranks import ALONE, Ranks
from molgfn.training.optimizers import Optimizers
from molgfn.training.updates.engine import Engine
from molgfn.training.updates.skipped_steps import OVERFLOWS, SkippedSteps
from molgfn.training.updates.trust_region import TrustRegionOptimizer
from molgfn.trajectories.evaluated import Evaluated


class GradientSteps:
    """Moves parameters by losses: each loss gives its gradient to the groups that it names and to no other.

    Args:
        groups: parameter groups by name.
        optimizers: learning rates, clipping.
        give_up: see ``SkippedSteps``.
        ranks: the processes of the run; all take the same step, along the mean of their gradients.

    Attributes:
        taken: gradient steps so far.
        skipped: those that were not taken, because a loss or a gradient was not finite.
    """

    def __init__(
        self,
        groups: Mapping[str, list[nn.Parameter]],
        optimizers: Optimizers,
        give_up: int = 10,
        ranks: Ranks = ALONE,
    ) -> None:
        self.groups = dict(groups)
        self.optimizers, self.ranks = optimizers, ranks
        self.taken = 0
        self.skipped = SkippedSteps(give_up)

    @cached_property
    def _built(self) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        return self.optimizers.build(self.groups)

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """One for all groups; made when it is first asked for, with the parameters on their device."""
        return self._built[0]

    @property
    def schedule(self) -> torch.optim.lr_scheduler.LRScheduler:
        """Of the learning rates; stepped once an iteration."""
        return self._built[1]

    def trains(self, group: str) -> bool:
        """Whether a parameter group is there, and nothing of it is frozen."""
        parameters = self.groups.get(group, [])
        return bool(parameters) and all(p.requires_grad for p in parameters)

    @property
    def rates(self) -> dict[str, float]:
        """Learning rate of each group now."""
        return {group["name"]: group["lr"] for group in self.optimizer.param_groups}

    def take(
        self, output: ObjectiveOutput, what: str, iteration: int, engine: Engine, origin: Callable[[], str] = str
    ) -> dict[str, Tensor]:
        """One step down the losses of ``output``: backward each into its own groups, join, clip, move.

        Where a loss or the gradient is not finite, the step is not taken, and counted in ``skipped``.

        Args:
            output: of an objective or of P_B's training.
            what: name of the step, for the metrics.
            iteration: counted from 0, for messages.
            engine: runs the backward passes and the optimizer.
            origin: says where a number comes from that is not finite.
        """
        self.optimizer.zero_grad(set_to_none=True)
        last = len(output.losses) - 1
        touched: dict[int, nn.Parameter] = {}
        for i, loss in enumerate(output.losses.values()):
            parameters = [p for g in sorted(loss.groups) for p in self.groups[g] if p.requires_grad]
            if not parameters:  # all of them are frozen
                continue
            engine.backward(loss.value, parameters, keep_graph=i < last)
            touched |= {id(p): p for p in parameters}
        # one message; from here on all ranks have the same gradient, so its norm is finite on all or on none
        sound = self.ranks.add_up_gradients(list(touched.values()), _finite(output))
        norm = self.optimizers.clip(list(touched.values()))
        if bool(sound.to(norm.device) & norm.isfinite()):  # asks the device once
            engine.step(self.optimizer)
            self.taken += 1
        else:
            self.skipped.add(what, output, norm, iteration, self._origin(origin))
            self.optimizer.zero_grad(set_to_none=True)
        losses = {f"loss/{name}": loss.value.detach() for name, loss in output.losses.items()}
        return {**losses, **output.metrics, f"gradient_norm/{what}": norm}

    def take_in_region(
        self,
        first: ObjectiveOutput,
        again: Callable[[], ObjectiveOutput],
        region: TrustRegion,
        what: str = "policy",
        iteration: int = 0,
        origin: Callable[[], str] = str,
    ) -> dict[str, Tensor]:
        """One natural-gradient step within a trust region; not taken and counted as in ``take``.

        Args:
            first: the one loss and the divergence at the present parameters.
            again: gives them anew under the parameters that are tried.
            region: how far and how the step goes.
            what: as of ``take``.
            iteration: as of ``take``.
            origin: as of ``take``.
        """
        ((name, loss),) = first.losses.items()
        parameters = [p for g in sorted(loss.groups) for p in self.groups[g] if p.requires_grad]
        if not parameters:  # all of them are frozen
            return {f"loss/{name}": loss.value.detach(), **first.metrics}
        optimizer = TrustRegionOptimizer(parameters, **vars(region), ranks=self.ranks)

        def closure() -> tuple[Tensor, Tensor]:
            output = again()
            return output.losses[name].value, output.divergence  # type: ignore[return-value]

        optimizer.step(closure)
        if optimizer.finite:
            self.taken += 1
        else:
            self.skipped.add(what, first, torch.tensor(torch.nan), iteration, self._origin(origin))
        report = {f"trust_region/{k}": torch.tensor(float(v)) for k, v in optimizer.report.items()}
        return {f"loss/{name}": loss.value.detach(), **first.metrics, **report}

    def _origin(self, mine: Callable[[], str]) -> str:
        """Where it comes from, of the first rank that has such a number; asked on every rank, as they skip together."""
        words = self.ranks.gather(mine())
        rank = next((rank for rank, text in enumerate(words) if text != OVERFLOWS), 0)
        return words[rank] + (f", of rank {rank}" if len(words) > 1 and words[rank] != OVERFLOWS else "")


def _finite(output: ObjectiveOutput) -> Tensor:
    """Whether all losses are, a scalar of bool."""
    return torch.stack([loss.value.detach().isfinite() for loss in output.losses.values()]).all()


def full_precision(device: torch.device) -> torch.autocast:
    """Objectives compute in the precision of what was evaluated, float32 at least; autocast is for networks."""
    return torch.autocast(device.type, enabled=False)


def losses_of(loss: Callable[[Evaluated], ObjectiveOutput], evaluated: Evaluated) -> ObjectiveOutput:
    """``loss(evaluated)`` outside autocast."""
    with full_precision(evaluated.mask.device):
        return loss(evaluated)
