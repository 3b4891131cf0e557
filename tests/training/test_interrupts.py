"""Signals: the run ends after its iteration with a checkpoint, and the exit code says so; a second one ends it now."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from molgfn.experiment import train
from molgfn.runs.checkpoint import load, read
from molgfn.signals import SIGNALS, interrupting
from molgfn.training.callbacks import interrupts
from molgfn.training.data import TrajectoryDataModule

from .test_one_process import config as grid  # noqa: F401
from .test_resume import content


@pytest.fixture
def at(monkeypatch):
    """``at(iteration, *numbers)``: these signals come while that iteration draws its batch."""

    def use(iteration, *numbers):
        draw = TrajectoryDataModule.draw

        def interrupted(self):
            if self.iteration == iteration:
                for number in numbers:
                    os.kill(os.getpid(), number)
            return draw(self)

        monkeypatch.setattr(TrajectoryDataModule, "draw", interrupted)

    return use


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_the_iteration_is_finished_and_the_rest_is_the_same_run(grid, at, number, caplog):  # noqa: F811
    grid["trainer"] |= {"iterations": 6, "checkpoint_every": 100}
    straight = train(grid)
    before = [signal.getsignal(n) for n in SIGNALS]
    at(3, number)
    part = train(grid)
    assert (part.signal, part.interrupted, part.iteration) == (number, True, 4)
    assert [signal.getsignal(n) for n in SIGNALS] == before
    assert f"{signal.Signals(number).name}: the run ends after this iteration" in caplog.text
    assert read(part.checkpoint)["molgfn"]["iteration"] == 4
    rest = train(grid, resume=part.checkpoint)
    assert rest.signal is None
    assert content(rest) == content(straight)


def test_signals_that_come_together_count_once(grid, at):  # noqa: F811
    at(1, signal.SIGTERM, signal.SIGINT, signal.SIGTERM)
    assert train(grid).signal == signal.SIGTERM


def test_a_second_one_stops_at_once(grid, at, monkeypatch):  # noqa: F811
    monkeypatch.setattr(interrupts, "ONCE", 0.0)
    grid["trainer"] |= {"iterations": 6, "checkpoint_every": 2}
    before = [signal.getsignal(n) for n in SIGNALS]
    at(3, signal.SIGUSR1, signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt) as stopped:
        train(grid)
    assert interrupting(stopped.value) == signal.SIGTERM
    assert [signal.getsignal(n) for n in SIGNALS] == before
    (folder,) = Path(grid["output"]).iterdir()
    assert load(folder).iteration == 2


SLOW = """
import time
from pathlib import Path
from molgfn.oracles.synthetic.hypergrid import HyperGrid

class Slow(HyperGrid):
    def values(self, objects):
        with Path("asked").open("a") as file:
            file.write("asked ")
        time.sleep(0.3)
        return super().values(objects)
"""
BASE = """
defaults: [train, override environment: hypergrid, override oracle: hypergrid, override policy: tabular, _self_]
environment: {side: 4}
data: {batch_size: 4}
trainer: {iterations: 1000000, checkpoint_every: 1000000, accelerator: cpu, threads: 1, progress: none}
logger: {wandb: "off"}
"""
STUDY = """
question: Does it end?
experiment: base.yaml
seeds: [0, 1]
measures: [tv]
rows:
  - {name: TB}
"""


def start(folder, *command):
    return subprocess.Popen(
        [sys.executable, "-m", "molgfn", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for(condition, process):
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def alive(group):
    """Processes of a group that have not ended (Linux)."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, owner = place.read_text().rpartition(")")[2].split()[:3]
            if int(owner) == group and state != "Z":
                found.append(place.parent.name)
    return found


@pytest.mark.parametrize(("number", "workers", "code"), [(signal.SIGTERM, 2, 143), (signal.SIGUSR1, 0, 138)])
def test_while_the_oracle_takes_its_time(tmp_path, number, workers, code):
    """The whole process group is told, workers too, as clusters and terminals do it: no answer is lost."""
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "slow.yaml").write_text(BASE + "oracle: {_target_: slow.py:Slow, side: 4}\n")
    more = [f"scoring.workers={workers}", "scoring.chunk=1", "scoring.cache_size=0"]
    process = start(tmp_path, "train", "slow.yaml", *more)
    mark = tmp_path / "asked"
    wait_for(lambda: mark.exists() and mark.read_text().count("asked") >= 6, process)
    os.killpg(process.pid, number)
    said = process.communicate()[0]
    assert process.returncode == code, said
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"molgfn resume {folder}" in said
    assert "goes without a value" not in said
    found = read(load(folder, trust=["slow.py"]).path)
    assert found["molgfn"]["iteration"] >= 1
    assert found["TrajectoryDataModule"]["reward"]["counters"]["failed"] == 0


@pytest.mark.slow  # three processes that start; how one run ends is tested above
@pytest.mark.parametrize("told", ["the whole group", "the main process"])
def test_the_runs_of_a_study_save_checkpoints(tmp_path, told):
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "s.study.yaml").write_text(STUDY)
    process = start(tmp_path, "study", "s.study.yaml", "-o", "out", "-j", "2")

    def both_train():
        tables = list((tmp_path / "out").glob("s/runs/*/metrics.csv"))
        return len(tables) == 2 and all(len(table.read_text().splitlines()) > 2 for table in tables)

    wait_for(both_train, process)
    (os.killpg if told == "the whole group" else os.kill)(process.pid, signal.SIGTERM)
    said = process.communicate()[0]
    assert process.returncode == 143, said
    folders = list((tmp_path / "out" / "s" / "runs").glob("[!.]*"))
    assert all(load(folder).iteration >= 20 for folder in folders)
    end = time.monotonic() + 300
    while alive(process.pid) and time.monotonic() < end:
        time.sleep(0.1)
    assert not alive(process.pid)


def test_a_grid_leaves_its_run_the_time_to_save(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    process = start(tmp_path, "train", "base.yaml", "-m", "seed=0,1")
    wait_for(lambda: [p for p in tmp_path.glob("runs/*/metrics.csv") if p.read_text().count("\n") > 2], process)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()[0]
    assert process.returncode == 130, said
    (folder,) = (tmp_path / "runs").iterdir()  # the second one is not begun
    assert load(folder).iteration >= 20
