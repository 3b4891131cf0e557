"""The runs of a study: each trained and measured once, in worker processes, and never lost."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from typing import Any

from molgfn.errors import TrainingError
from molgfn.signals import SIGNALS, interrupting
from molgfn.study.running.jobs import Job
from molgfn.study.running.results import Results
from molgfn.training.callbacks.interrupts import signals_interrupt


def perform(job: Job) -> dict[str, Any]:
    """Train and measure one run; what goes wrong is part of the record.

    A run of the job that was stopped goes on; where its training is behind it already, it is measured.
    """
    record: dict[str, Any] = {"identity": job.identity, "row": job.row, "seed": job.seed}
    if job.task:
        record["task"] = job.task
    try:
        from molgfn.study.measures import curve, measure
        from molgfn.study.running.going_on import alone, trained

        with alone(job):
            run, seconds = trained(job)
            if run.interrupted:  # Ctrl-C is meant for the whole study
                raise KeyboardInterrupt(run.signal)
            values = measure(run, samples=job.samples, heldout=job.heldout) | {"seconds": seconds}
            curves = {f"{y} over {x}": curve(run.folder / "metrics.csv", x, y) for x, y in job.curves}
        if job.budget is not None and (problem := underspent(*job.budget, values)):
            return {**record, "problem": problem}
        return {**record, "values": values, "curves": curves}
    except Exception as error:
        return {**record, "problem": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}


def underspent(name: str, amount: float, values: dict[str, float]) -> str | None:
    """A run that ended before its budget was spent cannot be compared with others; None for one that spent it."""
    spent = values[name]
    if spent >= amount:
        return None
    what = name.replace("_", " ")
    return (
        f"the run ended after {spent:,.0f} of {amount:,.0f} {what}: its iterations, its scoring.budget or its data "
        "ended it before the study's budget did"
    )


def perform_all(jobs: list[Job], results: Results, *, workers: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Run what is not done yet; yields each record as it comes, with how many are still to come.

    Records of runs that failed are given but not kept, so that the next call tries them again.

    Args:
        jobs: all runs of the study.
        results: where finished runs are kept.
        workers: processes at once; with 1 the runs are made in this process.
    """
    done = results.read()
    open_jobs = [job for job in jobs if job.identity not in done]
    if not open_jobs:
        return
    if workers == 1:
        with signals_interrupt():
            for number, job in enumerate(open_jobs, start=1):
                yield _kept(perform(job), results), len(open_jobs) - number
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_wait_quietly)
    # a run in a worker that is told to end writes a checkpoint first; leaving the pool waits for that
    with signals_interrupt(then=lambda number: _tell(pool)), pool:
        futures = [pool.submit(_perform, job) for job in open_jobs]
        try:
            for number, future in enumerate(as_completed(futures), start=1):
                yield _kept(future.result(), results), len(futures) - number
        except BrokenExecutor:
            raise TrainingError(
                "a worker process of the study was killed (out of memory? then take fewer --jobs); "
                "call the study again: what is done is kept, and what was begun goes on"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _perform(job: Job) -> dict[str, Any]:
    """``perform`` in a worker, which signals interrupt as Ctrl-C does; SIGTERM then ends the worker, too."""
    try:
        with signals_interrupt():
            return perform(job)
    except KeyboardInterrupt as error:
        if interrupting(error) == signal.SIGTERM:
            os.kill(os.getpid(), signal.SIGTERM)
        raise


def _wait_quietly() -> None:
    """A worker without a job has nothing to save: only SIGTERM ends it."""
    for number in set(SIGNALS) - {signal.SIGTERM}:
        signal.signal(number, signal.SIG_IGN)


def _tell(pool: ProcessPoolExecutor) -> None:
    """Have the workers end what they do."""
    for worker in list((pool._processes or {}).values()):
        if worker.pid is not None and worker.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGINT)


def _kept(record: dict[str, Any], results: Results) -> dict[str, Any]:
    if "problem" not in record:
        results.add(record)
    return record
