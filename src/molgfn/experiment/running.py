"""A run from its config to its last checkpoint."""

from __future__ import annotations

import logging
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger

from molgfn import run_files
from molgfn.config import build
from molgfn.errors import ConfigError, TrainingError
from molgfn.evaluation.top_auc import write_pmo
from molgfn.experiment import fitting, launching, opening, processes, requeueing
from molgfn.experiment.assembling import Experiment, assemble, hidden_among_first_draws
from molgfn.experiment.launching import Job, Outcome, quiet
from molgfn.moved import present
from molgfn.ranks import ALONE, LostRankError, Planned, Ranks, Seat, joined
from molgfn.runs import not_finite
from molgfn.runs.checkpoint import PROCESSES, read, take_weights
from molgfn.runs.environment import environment_record
from molgfn.training.callbacks.checkpointing import Checkpointing
from molgfn.training.callbacks.interrupts import interrupts_as_they_are
from molgfn.training.logs.loggers import Mode
from molgfn.training.logs.run_log import RunLog
from molgfn.training.logs.scored_record import ScoredRecord
from molgfn.training.memory import keep_freed_memory, sparing_collections
from molgfn.training.one_process import alone
from molgfn.training.trainer import TrainerSettings, require_place
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
        ended: the limit that ended it before its iterations did, such as ``32,000 reward calls``; None where none did.
        experiment: the parts that trained; ``experiment.config`` is the config.
        metrics: column of ``metrics.csv`` -> its latest value.
    """

    folder: Path
    checkpoint: Path
    signal: int | None
    iteration: int
    experiment: Experiment = field(repr=False)
    metrics: dict[str, float] = field(default_factory=dict, repr=False)
    ended: str | None = None

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
    for callback in callbacks:
        require_place(callback)
    job = Job(present(config), resume, label, tuple(callbacks))
    size = processes.wanted(job.config["trainer"])
    if size == 1:
        return _alone(job)
    seat = processes.seat(job.config["trainer"], size)
    return _launch(size, job) if seat is None else _as_one_of_several(seat, job)


def _settled(config: dict[str, Any]) -> dict[str, Any]:
    settled = run_files.settle(config)
    if settled.problems:
        raise ConfigError(settled.problems)
    return settled.config


def _alone(job: Job) -> Run:
    with RunLog() as log, alone(), tempfile.TemporaryDirectory(prefix="molgfn-") as scratch:
        return _train(job, log, scratch)


def _as_one_of_several(seat: Seat, job: Job, tell: Callable[[Path], None] = lambda folder: None) -> Run:
    """In a process that has its place among those of a run."""
    settings = build(job.config["trainer"], TrainerSettings, "trainer")
    settings.require_device(seat.local + 1)
    scratch = tempfile.TemporaryDirectory(prefix="molgfn-")
    with joined(seat, settings.backend) as ranks, RunLog(ranks) as log, alone(ranks), scratch as place:
        return _train(job, log, place, ranks, tell)


def _started(seat: Seat, job: Job, tell: Callable[[Path], None]) -> Outcome:
    run = _as_one_of_several(seat, job, tell)
    return Outcome(run.folder, run.checkpoint, run.signal, run.iteration, run.metrics, run.ended)


def _launch(size: int, job: Job) -> Run:
    """Start the processes of a run on this machine; what can be refused is refused here, once."""
    with quiet():
        config = _settled(job.config)
        assemble(config, Planned(size)).trainer.require_device(size)
        _require_as_many(job.resume, size)
    outcome = launching.launch(_started, size, job)
    with quiet():
        experiment = assemble(config)  # what measures with others cannot do so any more
        launching.take_up(experiment, outcome.checkpoint)
    return Run(
        outcome.folder,
        outcome.checkpoint,
        outcome.signal,
        outcome.iteration,
        experiment,
        outcome.metrics,
        outcome.ended,
    )


def _train(
    job: Job, log: RunLog, scratch: str, ranks: Ranks = ALONE, tell: Callable[[Path], None] = lambda folder: None
) -> Run:
    config, resume = _settled(job.config), ranks.gather(job.resume)[0]  # the first may have begun since
    _require_as_many(resume, ranks.size)
    experiment = assemble(config, ranks)
    mode = _prepare(experiment, fresh=resume is None)
    opened = _open(experiment, job.label, resume)
    tell(opened.folder)
    if resume is None and ranks.first:
        requeueing.remember(config, opened.folder)
    log.into(opened.folder)
    logger.info("run folder: %s", opened.folder)
    recorded = experiment.reward.recorded and ranks.first
    scored = ScoredRecord(opened.folder / "scored.sqlite") if recorded else None
    if scored is not None and opened.keep_until == 0:
        scored.forget_after(0)
    module, data = experiment.module(), experiment.data(scored)
    if experiment.trainer.precision == "64-true":  # Lightning's own form converts batches too, which ours refuse
        module.double()
    around = fitting.callbacks(experiment, opened, job.callbacks, data.visible)
    loggers = _loggers(experiment, opened, mode) if ranks.first else []
    with fitting.quietly():
        trainer = fitting.trainer(experiment, loggers, around, scratch)
        try:
            recording = fitting.profiled(experiment, opened.folder, scratch)
            with recording, interrupts_as_they_are(), sparing_collections():
                path = opened.checkpoint
                trainer.fit(module, datamodule=data, ckpt_path=str(path) if path else None, weights_only=True)
        except BaseException as error:
            if around.checkpointing.path.exists():
                logger.warning("there is a checkpoint to go on from: molgfn resume %s", opened.folder)
            if isinstance(error, NotFiniteError):
                streams = ranks.own(data.state_dict()["streams"])
                if not ranks.first:
                    raise
                advice = not_finite.keep(opened.folder, opened.record, streams, error)
                raise TrainingError(f"{error}\n{advice}") from error
            raise
    if ranks.first:
        _require_checkpoint(around.checkpointing)
    budget = (config.get("scoring") or {}).get("budget")
    if ranks.first and budget and scored is not None and scored.path.exists():
        write_pmo(opened.folder, budget=budget, direction=experiment.reward.scored.direction)
    if ranks.first and around.interrupts.signal == getattr(signal, "SIGUSR1", None) is not None:
        requeueing.put_back(config)
    checkpointing = around.checkpointing
    return Run(
        opened.folder,
        checkpointing.path,
        around.interrupts.signal,
        data.iteration,
        experiment,
        around.rows.last,
        data.ended,
    )


def _loggers(experiment: Experiment, opened: opening.Opened, mode: Mode) -> list[Logger]:
    return experiment.loggers.build(
        opened.folder,
        mode=mode,
        name=opened.folder.name,
        config=experiment.config,
        run_id=opened.record["run_id"],
        keep_until=opened.keep_until,
    )


def _open(experiment: Experiment, label: str | None, resume: Path | None) -> opening.Opened:
    """One folder for the run: the first process opens it, the others are told."""
    ranks = experiment.ranks
    if ranks.size == 1:
        return _opened(experiment, label, resume)
    opened: opening.Opened | None = None
    try:
        if ranks.first:
            opened = _opened(experiment, label, resume)
    finally:  # also where it cannot be opened, which the first process says
        told = ranks.gather(opened)[0]
    if told is None:
        raise LostRankError("the first process could not open a run folder")
    return replace(told, record={**told.record, PROCESSES: ranks.size})


def _opened(experiment: Experiment, label: str | None, resume: Path | None) -> opening.Opened:
    if resume is None:
        return opening.new(experiment, label)
    return opening.anew(experiment, resume) if resume.is_dir() else opening.again(resume)


def _require_as_many(resume: Path | None, size: int) -> None:
    """A run goes on with as many processes as it had: each has streams and stores of its own."""
    if resume is None or not resume.is_file():
        return
    had = read(resume)["molgfn"].get(PROCESSES, 1)
    if had != size:
        raise ConfigError(
            f"{resume} is of a run of {had} process{'es' * (had > 1)} and cannot go on with {size}; set "
            f"trainer.devices and trainer.nodes so that their product is {had}"
        )


def _prepare(experiment: Experiment, *, fresh: bool) -> Mode:
    """Everything that may turn out to be missing, before there is a run folder; and where the numbers go."""
    settings = experiment.trainer
    settings.require_device()
    if settings.init_from is not None and fresh:
        here = environment_record(experiment.config, experiment.environment)
        logger.info("weights of %s", take_weights(settings.init_from, experiment.policy, here))
    if fresh:
        problem, remark = hidden_among_first_draws(experiment)
        if problem is not None:
            raise ConfigError(problem)
        if remark is not None:
            logger.warning(remark)
    experiment.sources.prepare(experiment.environment)
    if experiment.frozen_parameters is not None:
        logger.info("%s (%s)", experiment.frozen_parameters, ", ".join(settings.freeze))
    mode: Mode = experiment.loggers.ask() if experiment.ranks.first else "off"
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
