"""Small runs of several processes, and callbacks that each of them can be sent."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl

import molgfn
from molgfn.errors import TrainingError
from molgfn.experiment.launching import Job
from molgfn.experiment.running import _train
from molgfn.ranks import Ranks
from molgfn.training.data import TrajectoryDataModule
from molgfn.training.logs.run_log import RunLog
from molgfn.training.one_process import alone

GRID = Path(__file__).parents[2] / "experiments" / "hypergrid" / "tb.yaml"


def config(output, *overrides):
    """A small run of two processes on a grid, which writes to ``output``."""
    base = [
        "trainer=ddp_cpu",
        "trainer.devices=2",
        "trainer.iterations=6",
        "trainer.log_every=2",
        "trainer.progress=none",
        "environment.side=6",
        "policy.hidden=16",
        "data.batch_size=8",
        "logger.wandb=off",
        f"output={output}",
    ]
    return molgfn.compose(str(GRID), *base, *overrides)


def run_here(ranks: Ranks, plain, scratch, resume=None, callbacks=()):
    """A run whose processes are there already."""
    with RunLog(ranks) as log, alone(ranks):
        return _train(Job(plain, resume, None, tuple(callbacks)), log, str(scratch), ranks)


def run_poisoned(ranks: Ranks, plain, scratch):
    """A run whose rank 1 draws a log R that is not a number, each time."""
    draw = TrajectoryDataModule.draw

    def poisoned(self):
        batch = draw(self)
        if ranks.first:
            return batch
        log_reward = batch.trajectories.log_reward.clone()
        log_reward[2] = float("nan")
        return replace(batch, trajectories=replace(batch.trajectories, log_reward=log_reward))

    TrajectoryDataModule.draw = poisoned  # this process ends with the run
    try:
        run_here(ranks, plain, scratch)
    except TrainingError as error:
        return str(error)


class DieAt(pl.Callback):
    """A process that is killed at an iteration."""

    def __init__(self, rank: int, iteration: int) -> None:
        self.rank, self.iteration = rank, iteration

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_rank == self.rank and batch_idx + 1 == self.iteration:
            os.kill(os.getpid(), signal.SIGKILL)


class Apart(pl.Callback):
    """Changes the weights of one process."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if not trainer.is_global_zero:
            next(iter(pl_module.policy.parameters())).data.add_(1.0)
