"""A run of several processes on this machine: started here, watched, and ended together."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import current_process
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from torch.multiprocessing.spawn import ProcessContext, ProcessExitedException, start_processes

from molgfn.errors import ConfigError, TrainingError
from molgfn.experiment.assembling import Experiment
from molgfn.ranks import LostRankError, Seat
from molgfn.runs.checkpoint import DATA, fill, read
from molgfn.signals import handled

logger = logging.getLogger("molgfn")

#: seconds that the other processes have to end by themselves when one has failed
GRACE = 30.0
#: of the folder in which the processes meet
STORE, OUTCOME, FOLDER = "store", "outcome", "folder"


@dataclass(frozen=True)
class Job:
    """What every process of a run is told: the arguments of ``experiment.train``, the config in its present form."""

    config: dict[str, Any]
    resume: Path | None
    label: str | None
    callbacks: tuple[pl.Callback, ...]


@dataclass(frozen=True)
class Outcome:
    """What the first process says of the run when it is done; as of ``experiment.Run``."""

    folder: Path
    checkpoint: Path
    signal: int | None
    iteration: int
    metrics: dict[str, float]
    ended: str | None = None


#: trains in a process that has its place among the others; told where the run goes as soon as that is known
Train = Callable[[Seat, Job, Callable[[Path], None]], Outcome]


def launch(train: Train, size: int, job: Job) -> Outcome:
    """Start ``size`` processes that train, and wait for all; where one fails the others end, too.

    Args:
        train: a function of a module's top level.
        size: processes.
        job: for each of them; each gets a copy of the callbacks.

    Raises:
        ConfigError: a process cannot be started from here, or a callback cannot be sent there.
        MolgfnError: what a process raised.
        TrainingError: a process was killed.
    """
    _require_start()
    _require_sendable(job.callbacks)
    levels = [handler.level for handler in logging.getLogger("molgfn").handlers] or [logging.WARNING]
    with tempfile.TemporaryDirectory(prefix="molgfn-") as folder:
        given = (size, folder, train, job, min(levels))
        context: ProcessContext = start_processes(  # type: ignore[assignment]
            _process, given, nprocs=size, join=False, start_method="spawn"
        )
        with _passing_on(context.pids()) as came:
            try:
                while not context.join(grace_period=GRACE):
                    pass
            except ProcessExitedException as error:
                codes = [p.exitcode for p in context.processes]
                if came and -came[0] in codes:  # before training, which ends by itself at a signal
                    raise KeyboardInterrupt(came[0]) from None
                raise _what_failed(Path(folder), codes, error) from None
        return pickle.loads((Path(folder) / OUTCOME).read_bytes())


@contextmanager
def quiet() -> Iterator[None]:
    """Within it, molgfn says nothing but errors: the first process will say it again."""
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def take_up(experiment: Experiment, checkpoint: Path) -> None:
    """Give the parts of a run that trained elsewhere the weights and counters of its checkpoint."""
    content = read(checkpoint)
    if experiment.trainer.precision == "64-true":
        experiment.policy.double()
    fill(checkpoint, experiment.policy, content)
    experiment.reward.load_state_dict(content[DATA]["reward"])


def _process(rank: int, size: int, folder: str, train: Train, job: Job, level: int) -> None:
    """One of the processes, from its start to its end."""
    if rank == 0 and level <= logging.INFO:  # what the command that started it shows
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO)
    if job.config["trainer"].get("threads") is None:  # else each would take all cores
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // size))

    def tell(run: Path) -> None:
        if rank == 0:
            (Path(folder) / FOLDER).write_text(str(run))

    try:
        outcome = train(Seat(rank, size, rank, f"{folder}/{STORE}"), job, tell)
        if rank == 0:
            (Path(folder) / OUTCOME).write_bytes(pickle.dumps(outcome))
    except BaseException as error:
        (Path(folder) / f"{rank}.error").write_bytes(_packed(error, rank))
        raise SystemExit(1) from None


def _packed(error: BaseException, rank: int) -> bytes:
    """An exception as it can be sent; with where it happened, if nobody raised it on purpose."""
    if not isinstance(error, (KeyboardInterrupt, OSError)) and not type(error).__module__.startswith("molgfn."):
        where = "".join(traceback.format_exception(error))
        return pickle.dumps(RuntimeError(f"process {rank} of the run failed:\n{where}"))
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)
    except Exception:
        return pickle.dumps(TrainingError(str(error)))
    return packed


def _what_failed(folder: Path, codes: Sequence[int | None], error: Any) -> BaseException:
    """What went wrong: not what the others say who then miss a process; once, where it went wrong in all."""
    files = [path for rank in range(len(codes)) if (path := folder / f"{rank}.error").exists()]
    errors = [pickle.loads(path.read_bytes()) for path in files]
    told = [e for e in errors if not isinstance(e, LostRankError)]
    if told:
        return told[0]
    silent = [rank for rank in range(len(codes)) if not (folder / f"{rank}.error").exists()]
    rank = error.error_index if error.error_index in silent or not silent else silent[0]
    code = codes[rank] or 0
    end = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
    place = folder / FOLDER
    go_on = f"; go on from its last checkpoint: molgfn resume {place.read_text()}" if place.exists() else ""
    return TrainingError(f"process {rank} of {len(codes)} {end}, and the run ended with it{go_on}")


@contextmanager
def _passing_on(pids: Sequence[int]) -> Iterator[list[int]]:
    """Signals are for the processes that train, which then end with a checkpoint; gives those that came."""
    came: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        came.append(number)
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    with handled(pass_on):
        yield came


def _require_start() -> None:
    if getattr(current_process(), "_inheriting", False):
        raise ConfigError(
            "trainer.devices: the processes of a run import the script that starts it, and each would start a run; "
            'put what the script does under `if __name__ == "__main__":`'
        )


def _require_sendable(callbacks: Sequence[pl.Callback]) -> None:
    for callback in callbacks:
        name = type(callback).__name__
        try:
            pickle.dumps(callback)
        except Exception as error:
            raise ConfigError(
                f"callbacks: {name} cannot be sent to the processes of a run on several devices ({error}); name its "
                "class in trainer.callbacks, so that each process makes one"
            ) from None
