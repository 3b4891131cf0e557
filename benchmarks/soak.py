"""Memory and open files of a run that goes on and on: python benchmarks/soak.py --minutes 60 [OVERRIDES]

Trains `quickstart` (or --experiment) with prioritised replay and two oracle workers in a process of its own, looks at
it every few seconds (/proc, so Linux only), and ends it with SIGTERM: it must leave with a checkpoint. Writes soak.csv
and soak.png to --output and prints, for the main process and for the workers together, how resident memory and open
file handles change by the hour: the slope of a straight line through the means of each minute after --warm-up minutes,
with a 95 % t-interval. Memories that are meant to fill up (of answers, of replay) are small here, so that they are full
after the warm-up.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from scipy import stats

from molgfn.runs.checkpoint import load

matplotlib.use("Agg")
from matplotlib import pyplot as plt

SETTINGS = [
    "data=prioritised_replay",
    "data.sources.replay.capacity=2000",
    "scoring.workers=2",
    "scoring.cache_size=2000",
    "trainer.iterations=100000000",
    "trainer.checkpoint_every=200",
    "trainer.pictures_every=500",
    "trainer.progress=none",
    "logger.wandb=off",
]
COLUMNS = ("main_mb", "workers_mb", "main_handles", "workers_handles")


def status(pid: int) -> tuple[float, int]:
    """(resident MB, open file handles) of a process; 0 where it has gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20, len(os.listdir(f"/proc/{pid}/fd"))
    except (OSError, IndexError):
        return 0.0, 0


def below(pid: int) -> list[int]:
    """Processes that a process started, and those that they started."""
    found = []
    for place in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in place.read_text().split()]
        except OSError:
            continue
        found += [one for child in children for one in (child, *below(child))]
    return found


def look(pid: int) -> tuple[float, float, int, int]:
    main, others = status(pid), [status(child) for child in below(pid)]
    return main[0], sum(mb for mb, _ in others), main[1], sum(handles for _, handles in others)


def slope(hours: np.ndarray, values: np.ndarray, warm_up: float) -> tuple[float, float]:
    """Change by the hour and half of its 95 % interval, by the means of each minute after ``warm_up`` hours."""
    minutes = np.floor(60 * hours).astype(int)
    kept = sorted({m for m in minutes if m >= 60 * warm_up})[:-1]  # the last one is not whole
    if len(kept) < 3:
        return float("nan"), float("nan")
    y = np.array([values[minutes == m].mean() for m in kept])
    line: Any = stats.linregress(np.array(kept) / 60, y)
    return float(line.slope), float(stats.t.ppf(0.975, len(kept) - 2) * line.stderr)


def draw(rows: np.ndarray, path: Path) -> None:
    figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(7, 5))
    for column, name in enumerate(COLUMNS):
        axis = top if name.endswith("mb") else bottom
        axis.plot(60 * rows[:, 0], rows[:, 1 + column], label=name.split("_")[0], linewidth=1)
    top.set_ylabel("resident memory, MB")
    bottom.set_ylabel("open file handles")
    bottom.set_xlabel("minutes")
    for axis in (top, bottom):
        axis.set_ylim(bottom=0)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--warm-up", type=float, default=5.0, help="minutes that the slope leaves out")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two looks")
    parser.add_argument("--experiment", default="quickstart")
    parser.add_argument("--output", type=Path, default=Path("runs") / "soak")
    parser.add_argument("overrides", nargs="*", help="of the run, such as objective=subtb")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        settings = [*SETTINGS, *options.overrides, f"output={place}"]
        command = [sys.executable, "-m", "molgfn", "train", options.experiment, *settings]
        log = options.output / "soak.log"
        with log.open("w") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said)
            rows, start = [], time.monotonic()
            while process.poll() is None and time.monotonic() - start < 60 * options.minutes:
                time.sleep(options.every)
                rows.append([(time.monotonic() - start) / 3600, *look(process.pid)])
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            code = process.wait()
        runs = list(Path(place).iterdir())
        if len(runs) != 1:
            raise SystemExit(f"the run did not start (exit code {code}):\n{log.read_text()}")
        (run,) = runs
        done = load(run).iteration
    with (options.output / "soak.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["hours", *COLUMNS], *rows])
    table = np.array(rows)
    draw(table, options.output / "soak.png")
    print(f"{done} iterations in {60 * table[-1, 0]:.1f} minutes, {len(rows)} looks; exit code {code} (143 is right)")
    for column, name in enumerate(COLUMNS):
        values = table[:, 1 + column]
        change, half = slope(table[:, 0], values, options.warm_up / 60)
        late = values[table[:, 0] >= options.warm_up / 60]
        print(f"{name:>16}: {late.min():.0f} to {late.max():.0f}, {change:+.2f} +- {half:.2f} by the hour")
    return 0 if code == 128 + signal.SIGTERM else 1


if __name__ == "__main__":
    sys.exit(main())
