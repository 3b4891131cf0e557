"""The same oracle workers as actors of a Ray cluster: many machines behind the one interface."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.serving.answers import Answered
from molgfn.serving.panel import Panel
from molgfn.serving.workers import Workers, _answer, _begin


class RayWorkers(Workers):
    """``Workers`` on a Ray cluster, one CPU each. Every machine needs molgfn and what the oracles need installed.

    Args:
        make: builds the panel's oracles; it must be picklable.
        panel: the oracles as they are in this process; they are not asked.
        count: actors.
        chunk: objects per question.
        timeout: seconds that one object may take; an actor that takes longer is killed and replaced.
        address: of the cluster, such as "auto"; None starts Ray on this machine.

    Raises:
        ConfigError: Ray is not installed.
    """

    def __init__(
        self,
        make: Callable[[], Sequence[Oracle]],
        panel: Panel,
        *,
        count: int,
        chunk: int = 1,
        timeout: float | None = None,
        address: str | None = None,
    ) -> None:
        super().__init__(make, panel, count=count, chunk=chunk, timeout=timeout)
        try:
            import ray  # type: ignore[import-not-found]
        except ImportError:
            raise ConfigError(
                "backend: ray is not installed; pip install -c constraints.txt '.[ray]' (in the clone)"
            ) from None
        self.address = address
        self._ray: Any = ray
        self._idle: list[Any] = []

    def _ask(
        self, parts: list[list[int]], texts: list[str], which: Sequence[int]
    ) -> Iterator[tuple[list[int], Sequence[Answered] | None]]:
        self._start()
        ray, waiting = self._ray, list(reversed(parts))
        running: dict[Any, tuple[Any, list[int], float]] = {}  # answer to come -> actor, rows, when it must be there
        try:
            while waiting or running:
                while waiting and self._idle:
                    actor, part = self._idle.pop(), waiting.pop()
                    allowed = float("inf") if self.timeout is None else self.timeout * len(part)
                    answer = actor.answer.remote([texts[row] for row in part], tuple(which), self.apart)
                    running[answer] = (actor, part, time.monotonic() + allowed)
                left = min(end for _, _, end in running.values()) - time.monotonic()
                done, _ = ray.wait(list(running), timeout=None if left == float("inf") else max(left, 0.0))
                for answer in done:
                    actor, part, _ = running.pop(answer)
                    yield part, self._given(answer, actor, part)
                for answer in [a for a, (_, _, end) in running.items() if end <= time.monotonic()]:
                    actor, part, _ = running.pop(answer)
                    self._replace(actor)
                    yield part, self._too_slow(len(part))
        except BaseException:
            for actor, _, _ in running.values():
                self._replace(actor)
            raise

    def _given(self, answer: Any, actor: Any, part: list[int]) -> Sequence[Answered] | None:
        try:
            answers = self._ray.get(answer)
        except self._ray.exceptions.RayActorError as error:
            self._replace(actor)
            return self._died(len(part), " ".join(str(error).split())[:200])
        self._idle.append(actor)
        return answers

    def _start(self) -> None:
        if self._idle:
            return
        ray = self._ray
        if not ray.is_initialized():
            local = {} if self.address else {"num_cpus": self.count, "include_dashboard": False}
            ray.init(address=self.address, log_to_driver=False, logging_level="ERROR", **local)
        self._idle = [self._new() for _ in range(self.count)]

    def _new(self) -> Any:
        actor = self._ray.remote(num_cpus=1, max_restarts=0)(_Holder).remote(self.make)
        self._ray.get(actor.ready.remote())  # what the oracle needs before its first answer is not on its clock
        return actor

    def _replace(self, actor: Any) -> None:
        self._ray.kill(actor, no_restart=True)
        self._idle.append(self._new())


class _Holder:
    """What lives in an actor."""

    def __init__(self, make: Callable[[], Sequence[Oracle]]) -> None:
        _begin(make)

    def ready(self) -> bool:
        return True

    def answer(self, texts: list[str], which: Sequence[int], apart: bool) -> Sequence[Answered]:
        return _answer(texts, which, apart)
