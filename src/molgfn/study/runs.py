"""The runs of a study: each trained and measured once, in worker processes, and never lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molgfn.moved import former
from molgfn.signals import SIGNALS, interrupting
from molgfn.study.plan import Study
from molgfn.training.callbacks.interrupts import signals_interrupt

#: settings that decide when a run is saved or given up, or what is said about it, not what comes of one that ends
WITHOUT_EFFECT = (
    ("trainer", "checkpoint_minutes"),
    ("trainer", "give_up"),
    ("trainer", "profiler"),
    ("scoring", "give_up"),
    ("evaluation", "reference_sample"),
)
#: by (part, key): what values are called in identities, where a name now stands for something else than when results
#: were made: the shipped vocabulary was one without labels
AS_KEPT = {("environment", "vocabulary"): {"rdkit": "rdkit with labels", "rdkit_untyped": "rdkit"}}


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        row: name of its row.
        seed: its seed.
        config: composed and checked.
        samples: see ``Study``.
        heldout: see ``Study``.
        curves: (x, y) columns of ``metrics.csv`` that are kept with the result.
        written: the config before its files became absolute, so that the identity is the same in every place; None:
            ``config``.
    """

    row: str
    seed: int
    config: dict[str, Any]
    samples: int = 0
    heldout: int | str = 0
    curves: tuple[tuple[str, str], ...] = ()
    written: dict[str, Any] | None = None

    @property
    def identity(self) -> str:
        """Equal for jobs that would come out the same: a hash of config (its place apart) and of what is measured.

        A key that is null counts as one that is not there, so that results outlive new settings that are off.
        """
        written = self.config if self.written is None else self.written
        config = {k: v for k, v in written.items() if k not in {"output", "name"}}
        for part, key in WITHOUT_EFFECT:
            if isinstance(config.get(part), dict):
                config[part] = {k: v for k, v in config[part].items() if k != key}
        for (part, key), names in AS_KEPT.items():
            value = config[part].get(key) if isinstance(config.get(part), dict) else None
            if isinstance(value, str) and value in names:
                config[part] = {**config[part], key: names[value]}
        heldout = self.heldout
        if isinstance(heldout, str):  # what it says, not where it lies
            heldout = hashlib.sha256(Path(heldout).read_bytes()).hexdigest()
        text = json.dumps([_without_nulls(former(config)), self.samples, heldout], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_nulls(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_nulls(value) for key, value in node.items() if value is not None}
    return [_without_nulls(item) for item in node] if isinstance(node, list) else node


class Results:
    """One JSON line per finished run, written as it finishes, so that a study that was stopped goes on where it was."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, Any]]:
        """identity -> record; a line that was cut off is passed over."""
        found = {}
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                try:
                    record = json.loads(line)
                except json.JSONDecodeError:
                    continue
                found[record["identity"]] = record
        return found

    def of(self, jobs: list[Job]) -> tuple[list[dict[str, Any]], int]:
        """What is kept of ``jobs``, and how many of the records are of an older configuration.

        Such a record, of the same row and seed, stands in only while the job itself has not been done: results outlive
        a new configuration key.
        """
        kept = self.read()
        place = {(record["row"], record["seed"]): record for record in kept.values()}  # the last one wins
        records = [kept.get(job.identity) or place.get((job.row, job.seed)) for job in jobs]
        found = [record for record in records if record is not None]
        return found, len(found) - len({job.identity for job in jobs} & kept.keys())

    def add(self, record: dict[str, Any]) -> None:
        """Keep one record, on a line of its own even after one that was cut off."""
        cut_off = self.path.exists() and not self.path.read_bytes().endswith(b"\n") and self.path.stat().st_size > 0
        with self.path.open("a") as file:
            file.write("\n" * cut_off + json.dumps(record) + "\n")


def perform(job: Job) -> dict[str, Any]:
    """Train and measure one run; what goes wrong is part of the record."""
    record: dict[str, Any] = {"identity": job.identity, "row": job.row, "seed": job.seed}
    try:
        from molgfn.experiment import train
        from molgfn.study.measures import curve, measure

        start = time.perf_counter()
        run = train(job.config)
        seconds = time.perf_counter() - start
        if run.interrupted:  # Ctrl-C is meant for the whole study
            raise KeyboardInterrupt(run.signal)
        values = measure(run, samples=job.samples, heldout=job.heldout)
        curves = {f"{y} over {x}": curve(run.folder / "metrics.csv", x, y) for x, y in job.curves}
        return {**record, "values": {**values, "seconds": seconds}, "curves": curves}
    except Exception as error:
        return {**record, "problem": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}


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


def jobs_of(
    study: Study,
    configs: dict[tuple[str, int], dict[str, Any]],
    written: dict[tuple[str, int], dict[str, Any]] | None = None,
) -> list[Job]:
    """The runs seed by seed, so that a table with one seed is there early."""
    written = written or {}
    curves = tuple(sorted({(p.x, p.y) for p in study.pictures.values()}))
    return [
        Job(
            row.name, seed, configs[row.name, seed], study.samples, study.heldout, curves, written.get((row.name, seed))
        )
        for seed in study.seeds
        for row in study.rows
    ]
