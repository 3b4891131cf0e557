"""What goes wrong beside a run: one clear line each, and nothing is lost that was saved."""

import csv
import logging
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from molgfn.cli.main import cli
from molgfn.errors import ConfigError
from molgfn.experiment import train
from molgfn.runs.checkpoint import load
from molgfn.serving.workers import Workers
from molgfn.training.data import TrajectoryDataModule
from molgfn.training.logs import loggers
from molgfn.training.logs.wandb_run import WandbRun

from .conftest import node
from .test_one_process import config as grid  # noqa: F401

FULL = OSError(28, "No space left on device")


def steps(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


@pytest.fixture
def full(monkeypatch):
    """``full(name, since, until)``: files called so cannot be written while these iterations run; half of it is."""
    now = [0]
    draw = TrajectoryDataModule.draw

    def drawn(self):
        now[0] = self.iteration
        return draw(self)

    monkeypatch.setattr(TrajectoryDataModule, "draw", drawn)

    def use(name, since, until):
        write = Path.write_bytes
        fs = loggers.LocalFileSystem.open

        def due(path):
            return Path(path).name == name and since <= now[0] < until

        class Half:
            def __init__(self, file):
                self.file = file

            def write(self, text):
                self.file.write(text[: len(text) // 2])
                self.file.flush()
                raise FULL

            def __enter__(self):
                return self

            def __exit__(self, *arguments):
                self.file.close()

        def opened(self, path, mode="rb", *arguments, **more):
            file = fs(self, path, mode, *arguments, **more)
            return Half(file) if due(path) and "b" not in mode else file  # it opens itself once more for the bytes

        def written(self, content):
            if due(self):
                raise FULL
            return write(self, content)

        monkeypatch.setattr(loggers.LocalFileSystem, "open", opened)
        monkeypatch.setattr(Path, "write_bytes", written)

    return use


def test_rows_of_metrics_wait_until_there_is_place(grid, full, caplog):  # noqa: F811
    grid["trainer"] |= {"iterations": 9}
    full("metrics.csv", 3, 6)
    run = train(grid)
    assert steps(run.folder) == list(range(9))
    assert caplog.text.count("rows cannot be written now (No space left on device); they are kept") == 1
    assert load(run.folder).iteration == 9


def test_rows_that_never_get_a_place_cost_the_rows(grid, full, caplog):  # noqa: F811
    grid["trainer"] |= {"iterations": 9}
    full("metrics.csv", 3, 100)
    run = train(grid)
    assert steps(run.folder) == [0, 1, 2]
    assert load(run.folder).iteration == 9


def test_pictures_that_cannot_be_written_cost_the_pictures(config, full, caplog):
    settings = config()
    settings["trainer"] |= {"iterations": 6, "pictures_every": 2}
    full("best_molecules.png", 0, 100)
    run = train(settings)
    assert run.iteration == 6
    assert caplog.text.count("best_molecules.png cannot be written (No space left on device); the run goes on") == 1


def test_a_run_folder_that_cannot_be_filled_is_refused(grid, monkeypatch):  # noqa: F811
    import molgfn.runs.folder

    def whole_file(path):
        raise FULL

    monkeypatch.setattr(molgfn.runs.folder, "whole_file", whole_file)
    with pytest.raises(ConfigError, match=r"output: nothing can be written in .*No space left"):
        train(grid)


def test_a_command_that_cannot_write_says_where(monkeypatch, tmp_path):
    from click.testing import CliRunner

    import molgfn.composing.compose

    def refused(*arguments):
        raise OSError(28, "No space left on device", "/full/report.html")

    monkeypatch.setattr(molgfn.composing.compose, "checked", refused)
    result = CliRunner().invoke(cli, ["train", "quickstart"])
    assert (result.exit_code, result.stderr) == (1, "error: /full/report.html: No space left on device\n")
    monkeypatch.setattr(molgfn.composing.compose, "checked", lambda *arguments: Path("/no/such/file").read_text())
    result = CliRunner().invoke(cli, ["train", "quickstart"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: FileNotFoundError: [Errno 2] No such file or directory: '/no/such/file'\n")


@pytest.mark.parametrize("when", ["log_metrics", "finish"])
def test_weights_and_biases_fails_in_the_middle(grid, monkeypatch, caplog, when):  # noqa: F811
    import wandb

    def lost(self, *arguments, **more):
        raise wandb.Error("the service has gone\nmore of it")

    grid["logger"] |= {"wandb": "offline"}
    grid["trainer"] |= {"iterations": 6}
    target = {"log_metrics": (WandbRun.__bases__[0], "log_metrics"), "finish": (wandb.Run, "finish")}[when]
    monkeypatch.setattr(*target, lost)
    with caplog.at_level(logging.WARNING, "molgfn"):
        run = train(grid)
    monkeypatch.undo()
    assert "WANDB_DATA_DIR" not in os.environ, "the next run has a folder of its own"
    wandb.teardown()
    assert (run.iteration, steps(run.folder)) == (6, list(range(6)))
    text = "Weights & Biases: Error: the service has gone; nothing more goes there, metrics.csv has everything"
    assert caplog.messages.count(text) == 1


def test_weights_and_biases_can_be_kept_nowhere(grid, monkeypatch, caplog):  # noqa: F811
    import wandb

    from molgfn.training.logs import wandb_run

    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    monkeypatch.setattr(wandb_run, "unavailable", lambda: None)

    def no(**arguments):
        raise wandb.Error("nobody home") if "mode" not in arguments else FULL

    monkeypatch.setattr(wandb, "init", no)
    grid["logger"] |= {"wandb": "auto"}
    with caplog.at_level(logging.WARNING, "molgfn"):
        run = train(grid)
    assert run.iteration == 3
    assert "Weights & Biases: nobody home; [Errno 28] No space left on device; the run goes without it" in caplog.text


def test_a_worker_that_somebody_kills_costs_nothing(grid, monkeypatch, caplog):  # noqa: F811
    """The objects that it had are asked about again, so that the run comes to the same end."""
    grid["trainer"] |= {"iterations": 4}
    grid["scoring"] = node("serving.settings.Scoring", workers=1, chunk=1, cache_size=0)
    straight = train(grid)
    schedule, asked, killed = Workers._ask, [], []

    def kill(self, parts, texts, which):
        asked.append(len(parts))
        if len(asked) == 3:  # it is up
            (worker,) = self._running()._pool_manager.worker_manager.workers.values()
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)
        return schedule(self, parts, texts, which)

    monkeypatch.setattr(Workers, "_ask", kill)
    run = train(grid)
    assert killed
    assert run.experiment.reward.counters.failed == 0

    def scored(folder):
        with sqlite3.connect(folder / "scored.sqlite") as connection:
            return connection.execute("SELECT iteration, key, value FROM scored ORDER BY call").fetchall()

    assert scored(run.folder) == scored(straight.folder)
