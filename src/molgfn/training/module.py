"""The LightningModule: a shell around the learner for devices, precision, hooks, rows of metrics and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from molgfn.training.former_groups import present_groups
from molgfn.training.learner import Learner
from molgfn.training.updates.engine import Engine
from molgfn.trajectories.rewarded import Batch

#: the learner's entry in a checkpoint
BESIDE = "beside"


class GFlowNetModule(pl.LightningModule):
    """Lets a trainer run a ``Learner``.

    Args:
        learner: what is trained, and how.

    Attributes:
        row: metrics of this iteration that a row will hold; whoever measures adds to it, ``Rows`` writes and clears it.
    """

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.learner = learner
        for name, network in learner.networks.items():
            self.add_module(name, network)
        self.row: dict[str, float | Tensor] = {}

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Frozen policies go along to a device or a precision, though they are no part of the module."""
        for policy in self.learner.frozen.values():
            policy._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def configure_optimizers(self):
        return [self.learner.steps.optimizer], [self.learner.steps.schedule]

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """One iteration; returns the metrics (detached scalars); every ``log_every`` of them go into the row, too."""
        rowed = (batch_idx + 1) % self.trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
        if rowed:  # before the schedule moves on: the rates of this iteration
            self.row |= {f"lr/{name}": rate for name, rate in self.learner.steps.rates.items()}
        metrics = self.learner.step(batch, _Lightning(self))
        if rowed:
            self.row |= {f"train/{name}": value for name, value in self._joined(metrics).items()}
        return metrics

    def _joined(self, metrics: dict[str, Tensor]) -> dict[str, float | Tensor]:
        """The means over the processes of the run."""
        ranks = self.learner.ranks
        if ranks.size == 1:
            return dict(metrics)
        told = ranks.gather({name: float(value) for name, value in metrics.items()})
        return {name: sum(each[name] for each in told) / len(told) for name in metrics}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[BESIDE] = self.learner.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # checkpoints of earlier versions leave the count of iterations to Lightning
        done = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]["processed"]
        self.learner.load_state_dict({"iteration": done, **checkpoint[BESIDE]})
        present_groups(self.learner.steps.optimizer, checkpoint["optimizer_states"][0], checkpoint["lr_schedulers"][0])


class _Lightning(Engine):
    """By way of Lightning, which counts the steps, runs the hooks of callbacks and measures them for its profiler."""

    def __init__(self, module: GFlowNetModule) -> None:
        self.module = module

    def backward(self, loss: Tensor, parameters: Sequence[nn.Parameter], *, keep_graph: bool) -> None:
        self.module.manual_backward(loss, inputs=list(parameters), retain_graph=keep_graph)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        self.module.optimizers().step()  # type: ignore[union-attr]
