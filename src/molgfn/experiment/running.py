"""A run from its config to its last checkpoint."""

from __future__ import annotations

import logging
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from molgfn import run_files
from molgfn.errors import ConfigError, TrainingError
from molgfn.evaluation.top_auc import write_pmo
from molgfn.experiment import fitting, opening, requeueing
from molgfn.experiment.assembling import Experiment, assemble
from molgfn.moved import present
from molgfn.runs import not_finite
from molgfn.runs.checkpoint import take_weights
from molgfn.runs.environment import environment_record
from molgfn.training.callbacks.checkpointing import Checkpointing
from molgfn.training.callbacks.interrupts import interrupts_as_they_are
from molgfn.training.logs.loggers import Mode
from molgfn.training.logs.run_log import RunLog
from molgfn.training.logs.scored_record import ScoredRecord
from molgfn.training.memory import keep_freed_memory
from molgfn.training.one_process import alone
from molgfn.training.trainer import require_place
from molgfn.training.updates.skipped_steps import NotFiniteError

logger = logging.getLogger("molgfn")


@dataclass(frozen=True)
class Run:
    """What training left behind.

    Attributes:
        folder: the run folder.
        checkpoint: the latest one.
        signal: number of the signal that stopped it before it was done, after that checkpoint was written; None where
            none did.
        iteration: training iterations behind it.
        experiment: the parts that trained; ``experiment.config`` is the config.
        metrics: column of ``metrics.csv`` -> its latest value.
    """

    folder: Path
    checkpoint: Path
    signal: int | None
    iteration: int
    experiment: Experiment = field(repr=False)
    metrics: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def interrupted(self) -> bool:
        """Whether a signal (Ctrl-C, SIGTERM, SIGUSR1) stopped it before it was done."""
        return self.signal is not None


def train(
    config: dict[str, Any],
    *,
    resume: Path | None = None,
    label: str | None = None,
    callbacks: Sequence[pl.Callback] = (),
) -> Run:
    """Train what ``config`` describes.

    Args:
        config: composed, plain.
        resume: a checkpoint of the same config to go on from, or the folder of a run that has none yet; its run folder
            is used.
        label: what tells this run from the others of a grid, as part of its folder's name.
        callbacks: Lightning callbacks beside those that the config names (``trainer.callbacks``).

    Raises:
        ConfigError: before anything is made, when something cannot work.
        TrainingError: the run's last checkpoint could not be written.
    """
    with RunLog() as log, alone(), tempfile.TemporaryDirectory(prefix="molgfn-") as scratch:
        for callback in callbacks:
            require_place(callback)
        settled = run_files.settle(present(config))
        if settled.problems:
            raise ConfigError(settled.problems)
        return _train(settled.config, resume, label, callbacks, log, scratch)


def _train(
    config: dict[str, Any],
    resume: Path | None,
    label: str | None,
    more: Sequence[pl.Callback],
    log: RunLog,
    scratch: str,
) -> Run:
    experiment = assemble(config)
    mode = _prepare(experiment, fresh=resume is None)
    opened = _open(experiment, label, resume)
    if resume is None:
        requeueing.remember(config, opened.folder)
    log.into(opened.folder)
    logger.info("run folder: %s", opened.folder)
    scored = ScoredRecord(opened.folder / "scored.sqlite") if experiment.reward.recorded else None
    if scored is not None and opened.keep_until == 0:
        scored.forget_after(0)
    module, data = experiment.module(), experiment.data(scored)
    if experiment.trainer.precision == "64-true":  # Lightning's own form converts batches too, which ours refuse
        module.double()
    around = fitting.callbacks(experiment, opened, more)
    loggers = experiment.loggers.build(
        opened.folder,
        mode=mode,
        name=opened.folder.name,
        config=config,
        run_id=opened.record["run_id"],
        keep_until=opened.keep_until,
    )
    with fitting.quietly():
        trainer = fitting.trainer(experiment, loggers, around, scratch)
        try:
            with fitting.profiled(experiment, opened.folder, scratch), interrupts_as_they_are():
                path = opened.checkpoint
                trainer.fit(module, datamodule=data, ckpt_path=str(path) if path else None, weights_only=True)
        except BaseException as error:
            if around.checkpointing.path.exists():
                logger.warning("there is a checkpoint to go on from: molgfn resume %s", opened.folder)
            if isinstance(error, NotFiniteError):
                advice = not_finite.keep(opened.folder, opened.record, data.state_dict()["streams"], error)
                raise TrainingError(f"{error}\n{advice}") from error
            raise
    _require_checkpoint(around.checkpointing)
    budget = (config.get("scoring") or {}).get("budget")
    if budget and scored is not None and scored.path.exists():
        write_pmo(opened.folder, budget=budget, direction=experiment.reward.scored.direction)
    if around.interrupts.signal == getattr(signal, "SIGUSR1", None) is not None:
        requeueing.put_back(config)
    checkpointing = around.checkpointing
    return Run(
        opened.folder, checkpointing.path, around.interrupts.signal, data.iteration, experiment, around.rows.last
    )


def _open(experiment: Experiment, label: str | None, resume: Path | None) -> opening.Opened:
    if resume is None:
        return opening.new(experiment, label)
    return opening.anew(experiment, resume) if resume.is_dir() else opening.again(resume)


def _prepare(experiment: Experiment, *, fresh: bool) -> Mode:
    """Everything that may turn out to be missing, before there is a run folder; and where the numbers go."""
    settings = experiment.trainer
    settings.require_device()
    if settings.init_from is not None and fresh:
        here = environment_record(experiment.config, experiment.environment)
        logger.info("weights of %s", take_weights(settings.init_from, experiment.policy, here))
    experiment.sources.prepare(experiment.environment)
    if experiment.frozen_parameters is not None:
        logger.info("%s (%s)", experiment.frozen_parameters, ", ".join(settings.freeze))
    mode = experiment.loggers.ask()
    keep_freed_memory()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    return mode


def _require_checkpoint(checkpointing: Checkpointing) -> None:
    if checkpointing.problem is None and checkpointing.path.is_file():
        return
    kept = (
        f"the one of an earlier iteration is at {checkpointing.path}"
        if checkpointing.path.is_file()
        else "there is none"
    )
    raise TrainingError(
        f"the last checkpoint could not be written ({checkpointing.problem or 'no reason given'}); {kept}"
    )
