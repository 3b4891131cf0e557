"""``molgfn resume``: the run folder is all that is needed."""

import csv
import shutil

import pytest
import yaml

from molgfn.runs.checkpoint import load, read


@pytest.fixture
def run(call, grid_file, tmp_path):
    result = call("train", grid_file)
    assert result.exit_code == 0, result.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    return folder


def steps(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


def test_a_finished_run_says_how_to_go_on(call, run):
    done = call("resume", run)
    assert done.exit_code == 0
    assert "the run is finished" in done.stderr
    assert f"molgfn resume {run} --iterations 6" in done.stderr
    more = call("resume", run, "--iterations", "5", "trainer.log_every=1")
    assert more.exit_code == 0, more.stderr
    assert load(run).iteration == 5
    assert f"run folder: {run}" in more.stdout


def test_a_run_whose_budget_is_spent_says_how_to_go_on(call, grid_file, tmp_path):
    assert call("train", grid_file, "scoring.budget=3", "trainer.iterations=500").exit_code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    done = call("resume", folder)
    assert done.exit_code == 0
    assert f"its budget of 3 oracle calls is spent; to go on: molgfn resume {folder} scoring.budget=6" in done.stderr
    assert call("resume", folder, "scoring.budget=6").exit_code == 0
    counters = read(load(folder).path)["TrajectoryDataModule"]["reward"]["counters"]
    assert counters["unique"] == 6


def test_what_may_be_changed(call, run):
    wrong = call("resume", run, "seed=3", "objective=db")
    assert wrong.exit_code == 2
    assert (
        "seed=3: a resumed run keeps its config; only trainer.*, scoring.* and logger.* may be changed" in wrong.stderr
    )
    checked = call("resume", run, "--iterations", "9", "logger.wandb=offline", "--check")
    assert checked.exit_code == 0, checked.stderr
    config = yaml.safe_load(checked.stdout)
    assert (config["trainer"]["iterations"], config["logger"]["wandb"]) == (9, "offline")
    assert call("resume", run / "gone").exit_code == 3


def test_a_folder_that_was_moved_goes_on_where_it_is_now(call, run, tmp_path, monkeypatch):
    place = tmp_path / "elsewhere" / "mine"
    place.parent.mkdir()
    run.rename(place)
    monkeypatch.chdir(place.parent)
    more = call("resume", "mine", "--iterations", "5")
    assert more.exit_code == 0, more.stderr
    assert load(place).iteration == 5
    assert [p.name for p in place.parent.iterdir()] == ["mine"]
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_without_a_checkpoint_begins_again_in_its_folder(call, run, grid_file, tmp_path):
    first = read(load(run).path)["state_dict"]
    rows = steps(run)
    shutil.rmtree(run / "checkpoints")
    again = call("resume", run)
    assert again.exit_code == 0, again.stderr
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [run.name]
    second = read(load(run).path)["state_dict"]
    assert all((first[name] == second[name]).all() for name in first)
    assert steps(run) == rows
    (run / "config.yaml").unlink()
    shutil.rmtree(run / "checkpoints")
    assert call("resume", run).exit_code == 3


def test_rows_that_came_after_the_checkpoint_are_written_once(call, grid_file, tmp_path):
    assert call("train", grid_file, "trainer.log_every=1", "trainer.iterations=4").exit_code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    table = folder / "metrics.csv"
    lines = table.read_text().splitlines(keepends=True)
    # what a crash leaves: a row of an iteration that the checkpoint does not have, and one that was cut off
    assert ",3," in lines[-1] or lines[-1].startswith("3,") or ",3\n" in lines[-1]
    table.write_text("".join(lines) + lines[-1].replace(",3,", ",4,") + lines[-1][:7])
    assert call("resume", folder, "--iterations", "7").exit_code == 0
    assert steps(folder) == list(range(7))


def test_a_job_that_was_put_back_goes_on_with_its_run(call, grid_file, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    first = call("train", grid_file, "trainer.requeue=true")
    assert first.exit_code == 0, first.stderr
    (folder,) = [p for p in (tmp_path / "runs").iterdir() if p.is_dir()]
    again = call("train", grid_file, "trainer.requeue=true")
    assert again.exit_code == 0
    assert f"this job goes on with its run: {folder}" in again.stderr
    assert "the run is finished" in again.stderr
    monkeypatch.setenv("SLURM_JOB_ID", "78")
    assert call("train", grid_file, "trainer.requeue=true").exit_code == 0
    assert len([p for p in (tmp_path / "runs").iterdir() if p.is_dir()]) == 2
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    assert call("train", grid_file).exit_code == 0  # not asked for
    assert len([p for p in (tmp_path / "runs").iterdir() if p.is_dir()]) == 3


def test_slurm_is_asked_to_put_the_job_back(call, grid_file, tmp_path, monkeypatch):
    import os
    import signal

    from molgfn.training.data import TrajectoryDataModule

    draw = TrajectoryDataModule.draw

    def warned(self):
        if self.iteration == 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        return draw(self)

    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    (programs / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    monkeypatch.setattr(TrajectoryDataModule, "draw", warned)
    stopped = call("train", grid_file, "trainer.requeue=true")
    assert stopped.exit_code == 138
    assert (tmp_path / "asked").read_text() == "requeue 77\n"
    monkeypatch.setattr(TrajectoryDataModule, "draw", draw)
    rest = call("train", grid_file, "trainer.requeue=true")
    assert rest.exit_code == 0, rest.stderr
    (folder,) = [p for p in (tmp_path / "runs").iterdir() if p.is_dir()]
    assert load(folder).iteration == 3


def test_the_warning_of_a_job_that_comes_too_early_is_kept(call, grid_file, tmp_path, monkeypatch):
    import os
    import signal

    from molgfn.composing import compose

    checked = compose.checked

    def warned(*arguments):
        os.kill(os.getpid(), signal.SIGUSR1)
        return checked(*arguments)

    monkeypatch.setattr(compose, "checked", warned)
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    before = signal.getsignal(signal.SIGUSR1)
    stopped = call("train", grid_file)
    assert stopped.exit_code == 138
    assert signal.getsignal(signal.SIGUSR1) is before
    (folder,) = [p for p in (tmp_path / "runs").iterdir() if p.is_dir()]
    assert load(folder).iteration == 1
