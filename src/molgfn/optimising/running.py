"""An optimisation from its config to its report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from molgfn.errors import ConfigError
from molgfn.optimising import checkpoints
from molgfn.optimising.assembling import Parts, assemble
from molgfn.optimising.loop import Loop, record_in
from molgfn.optimising.report import write_report
from molgfn.optimising.summary import calls_of, summary_of, write_tables
from molgfn.run_files import settle
from molgfn.runs.checkpoint import KEY, find
from molgfn.runs.folder import begin, files_in, require_writable
from molgfn.training.logs.run_log import RunLog

logger = logging.getLogger("molgfn")

#: told after each round: the row of metrics
Tell = Callable[[dict[str, float]], None]


@dataclass(frozen=True)
class Optimised:
    """What an optimisation left behind.

    Attributes:
        folder: the run folder: ``calls.csv``, ``scored.sqlite``, ``metrics.csv``, ``summary.yaml``, ``report.html``.
        ended: why it is over.
        summary: what ``summary.yaml`` says.
        calls: a row for each oracle call, in order.
        metrics: a row for each round.
    """

    folder: Path
    ended: str
    summary: dict[str, Any]
    calls: pd.DataFrame = field(repr=False)
    metrics: pd.DataFrame = field(repr=False)

    def best(self, n: int = 10) -> pd.DataFrame:
        """The ``n`` best calls, best first."""
        rows = self.calls.dropna(subset=["value"])
        return rows.sort_values("value", ascending=self.summary["direction"] == "minimise", kind="stable").head(n)


def optimise(config: dict[str, Any], *, resume: Path | None = None, tell: Tell | None = None) -> Optimised:
    """Optimise what a config describes.

    Args:
        config: composed, plain.
        resume: the run folder (or its checkpoint) that goes on; None makes a new one.
        tell: told after each round.

    Raises:
        ConfigError: before the first call, when something cannot work.
        CheckpointError: likewise, of what is read.
        DataError: likewise.
        OracleFault: the oracle has no values any more (``scoring.give_up``), or an object has none and
            ``scoring.on_failure`` is stop.
    """
    settled = settle(config)
    if settled.problems:
        raise ConfigError(settled.problems)
    with RunLog() as log:
        parts = assemble(settled.config)
        folder, files, state = _opened(parts, resume)
        log.into(folder)
        logger.info("run folder: %s", folder)
        loop = Loop(parts, record_in(folder))
        record = checkpoints.record_of(parts, files)
        if state is None:
            loop.record.forget_after(0)
            loop.begin()
        else:
            loop.load_state_dict(state)
        _rounds(loop, folder, record, tell)
        return _finished(loop, folder)


def _opened(parts: Parts, resume: Path | None) -> tuple[Path, list[dict[str, str]], dict[str, Any] | None]:
    """The run folder, what the run reads, and where it stands; None at the start."""
    if resume is None:
        oracle = getattr(parts.reward, "oracle", None)
        more = [("oracle", path) for path in (oracle.files if oracle is not None else ())]
        if parts.learning is not None and parts.learning.init_from is not None:
            more.append(("learning.init_from", find(parts.learning.init_from)))
        folder, files = begin(parts.config, more)
        return folder, files, None
    if resume.is_dir() and not (resume / "checkpoints").is_dir():  # stopped in its first round
        require_writable(resume)
        return resume, files_in(resume), None
    path, content = checkpoints.read_loop(resume)
    folder = path.parent.parent
    require_writable(folder)
    return folder, content[KEY].get("files") or [], content[checkpoints.LOOP]["state"]


def _rounds(loop: Loop, folder: Path, record: dict[str, Any], tell: Tell | None) -> None:
    every = loop.parts.rounds.checkpoint_every
    with _advised(folder):
        while loop.ended is None:
            loop.step()
            if loop.number % every == 0 or loop.ended is not None:
                checkpoints.write(loop, folder, record)
            if tell is not None:
                tell(loop.rows[-1])


@contextmanager
def _advised(folder: Path) -> Iterator[None]:
    """What is said where a loop is stopped on the way."""
    try:
        yield
    except BaseException:
        logger.warning("it goes on with: molgfn optimise --resume %s", folder)
        raise


def _finished(loop: Loop, folder: Path) -> Optimised:
    """Write all that is for reading."""
    parts, ended = loop.parts, loop.ended or ""
    calls = calls_of(loop.record.path, parts.kind)
    metrics = pd.DataFrame(loop.rows)
    summary = summary_of(loop, ended, calls)
    write_tables(folder, calls, metrics, summary, parts)
    if parts.rounds.report:
        write_report(loop, folder, calls, metrics, summary)
    return Optimised(folder, ended, summary, calls, metrics)
