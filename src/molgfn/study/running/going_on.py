"""A run of a study that was stopped, also by ``kill -9`` or a power cut, goes on from its latest checkpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from molgfn.api.training import FinishedError, resumed
from molgfn.errors import CheckpointError, ConfigError, TrainingError
from molgfn.experiment import Run, train
from molgfn.paths import local
from molgfn.runs.checkpoint import KEY, find, read
from molgfn.study.running.jobs import Job

logger = logging.getLogger("molgfn")

#: beside the run folders: a lock for each run that is being made
LOCKS = ".locks"


@contextmanager
def alone(job: Job) -> Iterator[None]:
    """Within it, no other process makes this run: two that write one folder would spoil it.

    The system lets go of the lock when the process ends, however it does.

    Raises:
        TrainingError: another process is at it.
    """
    folder = local(job.config["output"]) / LOCKS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"output: cannot make a run folder under `{job.config['output']}`: {error}") from None
    lock = FileLock(folder / job.identity)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise TrainingError("another process is making this run; call the study again when that has ended") from None
    try:
        yield
    finally:
        lock.release()


def begun(job: Job) -> Path | None:
    """The folder of the latest run of this job; None where there is none. Its name holds the job's identity."""
    found = sorted(local(job.config["output"]).glob(f"*-{job.identity}-*"), key=lambda place: place.stat().st_mtime)
    return found[-1] if found else None


def trained(job: Job) -> tuple[Run, float]:
    """The job's run, trained to its end (or to a signal), and the seconds that took, those before a stop included."""
    start = time.perf_counter()
    folder = begun(job)
    if folder is not None:
        try:
            config, place = _resumed(folder)
        except (CheckpointError, ConfigError) as error:
            logger.warning("%s cannot go on (%s); the run begins anew", folder, str(error).splitlines()[0])
        else:
            before = read(place)[KEY].get("seconds", 0.0) if place.is_file() else 0.0
            run = train(config, resume=place)
            return run, before + time.perf_counter() - start
    return train(job.config, label=job.identity), time.perf_counter() - start


def _resumed(folder: Path) -> tuple[dict, Path]:
    """Config and checkpoint of a run that goes on; one that is finished has no batch to draw, and ends as it did."""
    try:
        return resumed(folder, ())
    except FinishedError:
        place = find(folder)
        return read(place)[KEY]["config"], place
