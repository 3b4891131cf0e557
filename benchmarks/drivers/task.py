"""What every driver is asked to do, and how it reports; the standard library alone, for any environment."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata

#: hypergrid 20^4, trajectory balance with a uniform P_B
DIMENSIONS, SIDE, REWARD = 4, 20, (0.1, 0.5, 2.0)
GRID_BATCH, HIDDEN, LAYERS = 16, 256, 2
GRID_RATE, LOG_Z_RATE = 1e-3, 0.1
#: sEH fragments: the 72 of Bengio et al. (arXiv 2106.04399), R = (proxy / 8)^16, trunk of 4 x 128
FRAGMENTS, FRAGMENT_BATCH, BETA = 9, 64, 16.0
#: fewest fragments at which ours may stop; an untrained policy of ours stops at 2 or 3, one of recursion's at 5.4
LEAST_FRAGMENTS = 5
WIDTH, TRUNK, FRAGMENT_RATE = 128, 4, 1e-4
#: reactions: 418 blocks and 112 templates of SCENT (arXiv 2506.19865), R = exp(beta QED)
REACTION_BATCH, REACTION_WIDTH, REACTION_BETA, REACTION_RATE = 64, 64, 8.0, 1e-3


def arguments(*more: str) -> argparse.Namespace:
    """The command line of a driver; ``more`` are required options of its own. Holds the process to so many cores.

    Called before anything that starts threads is imported.
    """
    parser = argparse.ArgumentParser()
    for name in ("--threads", "--iterations", "--warm", "--seed"):
        parser.add_argument(name, type=int, required=True)
    for name in more:
        parser.add_argument(name, required=True)
    parser.add_argument("--settings", nargs="*", default=[], help="of molgfn, which go before what its drivers set")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.threads])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(given.threads)
    return given


def run_of_ours(given: argparse.Namespace, output: str) -> list[str]:
    """Overrides for molgfn: how long and on what it trains, whatever it is."""
    return [
        f"trainer.iterations={given.warm + given.iterations}",
        f"trainer.threads={given.threads}",
        "trainer.accelerator=cpu",
        "trainer.progress=none",
        "logger.wandb=off",
        f"seed={given.seed}",
        f"output={output}",
    ]


@dataclass
class Meter:
    """Time and work of the iterations after the first ``warm``; ``done`` is called at the end of each.

    ``cpu``: CPU seconds so far, of all processes that work.
    """

    warm: int
    iterations: int
    count: int = 0
    trajectories: int = 0
    size: int = 0
    start: tuple[float, float] = field(default=(0.0, 0.0))
    end: tuple[float, float] = field(default=(0.0, 0.0))
    cpu: Callable[[], float] = time.process_time

    def done(self, trajectories: int, size: int) -> None:
        self.count += 1
        if self.count == self.warm:
            self.start = time.perf_counter(), self.cpu()
        elif self.warm < self.count <= self.warm + self.iterations:
            self.trajectories += trajectories
            self.size += size
            if self.count == self.warm + self.iterations:
                self.end = time.perf_counter(), self.cpu()

    def report(self, *packages: str) -> None:
        """Print what was measured, with the versions of ``packages``."""
        if self.count < self.warm + self.iterations:
            raise SystemExit(f"{self.count} of {self.warm + self.iterations} iterations were made")
        report(
            self.iterations,
            self.trajectories,
            self.size,
            self.end[0] - self.start[0],
            self.end[1] - self.start[1],
            packages,
        )


def report(
    iterations: int, trajectories: int, size: int, seconds: float, cpu: float, packages: tuple[str, ...]
) -> None:
    """Print one line of JSON."""
    found = {
        "iterations": iterations,
        "trajectories": trajectories,
        "size": size,
        "seconds": seconds,
        "cpu": cpu,
        "versions": {package: _version(package) for package in packages},
    }
    print(json.dumps(found), flush=True)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "?"
