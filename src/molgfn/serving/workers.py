"""Oracles in processes of their own: several at once, stopped when it hangs, replaced when it dies."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.util import Finalize
from typing import Any, cast

from pebble import ProcessExpired, ProcessPool

from molgfn.oracles.base import Oracle
from molgfn.serving.answers import Answered, Failure, answer_all
from molgfn.serving.faults import OracleFault
from molgfn.serving.panel import Panel
from molgfn.signals import SIGNALS

#: seconds that a worker may take to come up, where objects have a time-out
START_UP = 600.0


class _Process(SpawnProcess):
    """A worker that no signal to the whole job ends: its last answers are still waited for.

    A terminal, or a cluster, tells each process of a job to end, and the run ends with a checkpoint after its
    iteration. A worker that died of that would cost an object its value. So only its own pool ends it, by a signal that
    cannot be ignored.
    """

    def terminate(self) -> None:
        self.kill()


class _Spawn(SpawnContext):
    Process = _Process


class Workers:
    """Worker processes that hold the oracles of a panel and answer for objects that are sent to them as their
    keys.

    A chunk that is not answered in time, or whose worker dies, is asked again object by object, so that only the
    culprit goes without a value; one of a single object whose worker dies is asked again, too: whoever killed the
    worker, it may not have been the object. Processes are spawned at the first question: they import what the oracle
    needs and nothing of torch unless the oracle does.

    Args:
        make: builds the oracle; it must be picklable.
        oracle: the oracle as it is in this process; it is not asked.
        count: processes.
        chunk: objects per question, so that the way to a worker and back is paid less often.
        timeout: seconds that one object may take (a chunk as many times as it has objects); None waits for ever.
    """

    def __init__(
        self,
        make: Callable[[], Sequence[Oracle]],
        panel: Panel,
        *,
        count: int,
        chunk: int = 1,
        timeout: float | None = None,
    ) -> None:
        self.make, self.count, self.chunk, self.timeout = make, count, chunk, timeout
        self.name, self.kind, self.apart = panel.name, panel.kind, panel.apart
        self._pool: ProcessPool | None = None
        self._again = False  # the objects of this round have been asked about before
        self._answered = False  # one of the present workers has given an answer

    def answer(self, objects: Any, which: Sequence[int] = (0,)) -> Iterator[tuple[int, Answered]]:
        """(row, what the oracles at the places ``which`` of the panel say) of each of the objects, as they come."""
        texts = self.kind.keys(objects)
        rows = list(range(len(texts)))
        waiting = [rows[i : i + self.chunk] for i in range(0, len(rows), self.chunk)]
        self._again = False
        while waiting:
            alone: list[list[int]] = []
            for part, answers in self._ask(waiting, texts, which):
                if answers is None:
                    alone += [[row] for row in part]
                else:
                    yield from zip(part, answers, strict=True)
            waiting, self._again = alone, True

    def _ask(
        self, parts: list[list[int]], texts: list[str], which: Sequence[int]
    ) -> Iterator[tuple[list[int], Sequence[Answered] | None]]:
        """(rows, answers) of each part; None where the part has to be taken apart to find the culprit."""
        pool = self._running()
        futures = {
            pool.schedule(
                _answer,
                args=([texts[row] for row in part], tuple(which), self.apart),
                timeout=None if self.timeout is None else self.timeout * len(part),
            ): part
            for part in parts
        }
        try:
            for future in as_completed(cast(Iterable[Future], futures)):
                part = futures[cast(Any, future)]
                yield part, self._result(future, len(part))
        except BaseException:  # an interrupt, or the caller has gone
            for future in futures:
                future.cancel()
            raise

    def _result(self, future: Any, size: int) -> Sequence[Answered] | None:
        try:
            answers = future.result()
            self._answered = True
            return answers
        except FutureTimeoutError:
            return self._too_slow(size)
        except ProcessExpired as error:
            return self._died(size, f"exit code {error.exitcode}")
        except BrokenProcessPool:
            if self._answered:  # somebody killed one that had nothing to do: new ones are asked
                return None
            raise OracleFault(
                f"oracle {self.name}: its worker processes die as they start, before they are asked anything; "
                "scoring.workers=0 shows what prepare() does in this process"
            ) from None
        except (MemoryError, SystemExit) as error:  # of the worker, not of this process
            return self._died(size, type(error).__name__)

    def _too_slow(self, size: int) -> list[Answered] | None:
        """What becomes of a part of ``size`` objects that was not answered in time: None takes it apart."""
        reason = f"oracle {self.name} took more than {self.timeout:g} s"
        return None if size > 1 else [[Failure(reason, reason, transient=True)]]

    def _died(self, size: int, detail: str) -> list[Answered] | None:
        """The same for one whose worker died."""
        reason = f"oracle {self.name} killed its process"
        return None if size > 1 or not self._again else [[Failure(reason, reason, detail, transient=True)]]

    def _running(self) -> ProcessPool:
        if self._pool is not None and not self._pool.active:
            _end(self._pool)
            self._pool = None
        if self._pool is None:
            self._answered = False
            self._pool = ProcessPool(
                max_workers=self.count,
                initializer=_begin,
                initargs=(self.make,),
                context=cast(Any, _Spawn()),
            )
            # not by weakref: a process of a run that multiprocessing began ends without what is registered at exit, and
            # waits for its workers for ever
            Finalize(self, _end, args=(self._pool,), exitpriority=10)
            if self.timeout is not None:
                self._require_ready(self._pool)
        return self._pool

    def _require_ready(self, pool: ProcessPool) -> None:
        """The time-out is of objects; one of their own keeps workers that never come up from stopping the run."""
        ready = pool.schedule(_ready)
        try:
            ready.result(timeout=START_UP)
        except FutureTimeoutError:
            self._pool = None
            _end(pool)
            raise OracleFault(
                f"oracle {self.name}: no worker process was ready after {START_UP:g} s; what it does in prepare() "
                "hangs, or takes longer than it may"
            ) from None


#: in a worker: the oracles, or why they could not be made
_ORACLES: list[Oracle] = []
_TROUBLE: list[str] = []


def _begin(make: Callable[[], Sequence[Oracle]]) -> None:
    """Build the oracles once in a new worker; what goes wrong is told to whoever asks: a worker must not die of it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _TROUBLE[:] = []
    try:
        _ORACLES[:] = make()
        for oracle in _ORACLES:
            oracle.prepare()
    except Exception as error:
        _TROUBLE[:] = [f"{type(error).__name__}: {error}"]


def _ready() -> None:
    """Done when a worker has its oracles."""


def _answer(texts: list[str], which: Sequence[int], apart: bool) -> Sequence[Answered]:
    if _TROUBLE:
        message = f"the oracle could not be built in a worker: {_TROUBLE[0]}"
        return [[Failure(message, "the oracle could not be built")] for _ in texts]
    oracles = [_ORACLES[place] for place in which]
    return answer_all(oracles, oracles[0].kind.parse(texts), apart=apart)


def _end(pool: ProcessPool) -> None:
    pool.stop()
    pool.join()
