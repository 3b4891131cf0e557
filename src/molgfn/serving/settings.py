"""How oracles are asked: memory, disk cache, budget, worker processes, time-outs, failures."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from molgfn.downloads import folder
from molgfn.errors import ConfigError
from molgfn.moved import former
from molgfn.oracles.base import Oracle
from molgfn.paths import OutputPlace, local
from molgfn.serving.disk_cache import DiskCache
from molgfn.serving.panel import Entry, HasPanel, Panel, panel_of
from molgfn.serving.workers import Workers


class Scoring:
    """Settings of the service that asks oracles.

    Args:
        cache_size: objects whose answers are remembered, the least recently used forgotten first; 0 remembers nothing
            across batches.
        disk_cache: keep answers on disk as well, for other runs and processes: true for ``scores`` in molgfn's own
            folder (``$MOLGFN_DATA``), or a folder. Answers of an oracle with other arguments, or other data files, are
            kept apart; those of a component are the same in every mean.
        budget: different objects that may be asked for, wherever the answers come from; then training stops.
            Evaluation is not charged. Null for no limit.
        workers: processes that hold the oracles; 0 asks them in the main process. Of a run on several devices each
            process has so many of its own, and new objects are dealt out evenly among them.
        chunk: objects that a worker is given at once.
        timeout: seconds that one object may take before its worker is stopped, a chunk as many times as it has objects;
            needs workers. The objects of a stopped chunk are asked about one by one.
        retries: how often an object is asked about again for which the oracle raised, took too long or killed its
            process (not: returned NaN or a number out of range).
        on_failure: "floor" gives an object without a value the least reward and counts it, "stop" ends the run.
        give_up: different objects in a row for which the oracle has no value, after which it is taken for broken and
            the run ends: no hours of training on the least reward. Null never does.
        record: keep every different object that a run scored, with iteration, source and values, in its
            ``scored.sqlite``.
        backend: "processes" of this machine, or "ray" for those of a Ray cluster (in the clone:
            ``pip install -c constraints.txt '.[ray]'``).
        ray_address: of the cluster, such as "auto"; null starts one here.
        make: builds the oracle (or what is made of several) anew in a worker; None copies it there. A run gives it.
        recipe: the oracle's config, part of what the disk cache goes by. A run gives it.
        ranks: the processes that have one memory, budget and set of counters (``molgfn.ranks.Ranks``); None: this one
            alone. A run gives it.
    """

    def __init__(
        self,
        *,
        cache_size: Annotated[int, Field(ge=0)] = 100_000,
        disk_cache: bool | OutputPlace = False,
        budget: Annotated[int, Field(ge=1)] | None = None,
        workers: Annotated[int, Field(ge=0)] = 0,
        chunk: Annotated[int, Field(ge=1)] = 8,
        timeout: Annotated[float, Field(gt=0)] | None = None,
        retries: Annotated[int, Field(ge=0)] = 0,
        on_failure: Literal["floor", "stop"] = "floor",
        give_up: Annotated[int, Field(ge=1)] | None = 200,
        record: bool = True,
        backend: Literal["processes", "ray"] = "processes",
        ray_address: str | None = None,
        make: Callable[[], Oracle | HasPanel] | None = None,
        recipe: Any = None,
        ranks: Any = None,
    ) -> None:
        if timeout is not None and workers == 0:
            raise ConfigError(
                f"timeout: an oracle in the main process can not be stopped ({timeout:g} s); set workers to 1 or more"
            )
        if backend == "ray" and workers == 0:
            raise ConfigError("backend: ray needs to know how many workers to start; set workers to 1 or more")
        if ray_address is not None and backend != "ray":
            raise ConfigError(f"ray_address is {ray_address}, but backend is {backend}; set backend to ray")
        self.cache_size, self.disk_cache, self.budget = cache_size, disk_cache, budget
        self.workers, self.chunk, self.timeout, self.retries = workers, chunk, timeout, retries
        self.on_failure, self.give_up, self.record = on_failure, give_up, record
        self.backend, self.ray_address = backend, ray_address
        self.make, self.recipe, self.ranks = make, recipe, ranks

    def pool(self, panel: Panel) -> Workers | None:
        """The worker processes, not started yet; None where the oracles are asked in this process."""
        if self.workers == 0:
            return None
        make = functools.partial(_same, panel.oracles) if self.make is None else functools.partial(_built, self.make)
        kind: type[Workers] = Workers
        more: dict[str, Any] = {}
        if self.backend == "ray":
            from molgfn.serving.ray_workers import RayWorkers

            kind, more = RayWorkers, {"address": self.ray_address}
        return kind(make, panel, count=self.workers, chunk=self.chunk, timeout=self.timeout, **more)

    def disk(self, entry: Entry) -> DiskCache | None:
        """The cache on disk of exactly this oracle; None without.

        Raises:
            ConfigError: nothing says what the oracle was built from.
        """
        if self.disk_cache is False:
            return None
        oracle = entry.oracle
        if entry.recipe is None:
            raise ConfigError(
                f"disk_cache: nothing says with which arguments oracle {oracle.name} was built; build it from a config "
                "or give Scoring a recipe, something that changes with them"
            )
        place = folder() / "scores" if self.disk_cache is True else local(self.disk_cache)
        columns = oracle.component_names
        return DiskCache(place / f"{oracle.name}-{identity(oracle, entry.recipe)}", width=1 + len(columns))


def identity(oracle: Oracle, recipe: Any) -> str:
    """Equal where the answers are: a hash of the oracle's arguments, its version, and the data files it reads."""
    digest = hashlib.sha256()
    words = [former(recipe), oracle.versions, list(oracle.component_names)]
    digest.update(json.dumps(words, sort_keys=True).encode())
    for path in oracle.files:
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:16]


def _built(make: Callable[[], Oracle | HasPanel]) -> tuple[Oracle, ...]:
    return panel_of(make()).oracles


def _same(oracles: tuple[Oracle, ...]) -> tuple[Oracle, ...]:
    return oracles
