"""A study that is killed half-way goes on with the run it was at, and ends with the same numbers."""

import json
import os
import signal
import subprocess
import sys

import pytest
from filelock import FileLock
from tests.study.small import BASE, PLAN, SET, study, write

#: ends its process as a power cut does, in the middle of a run, where the environment asks for it
KILLER = """
import os
import signal

import pytorch_lightning as pl


class Killer(pl.Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        run = trainer.datamodule
        if os.environ.get("KILL_AT") == f"{run.seed} {run.iteration}":
            os.kill(os.getpid(), signal.SIGKILL)
"""
OWN = {"tasks": PLAN["tasks"][:1], "rows": PLAN["rows"][1:], "samples": 8, "heldout": 12, "measures": ["tv"]}


def killing(folder):
    (folder / "killer.py").write_text(KILLER)
    path = write(folder, **OWN)
    (folder / "base.yaml").write_text(BASE + "trainer: {callbacks: [{_target_: 'killer.py:Killer'}]}\n")
    return path


def killed(path, out, when):
    """Exit code of ``molgfn study`` in a process of its own."""
    command = [sys.executable, "-m", "molgfn", "study", str(path), "-o", str(out)]
    return subprocess.run(command, env={**os.environ, "KILL_AT": when}, capture_output=True, check=False).returncode


def results(out):
    """Run -> its numbers but for times, and its curves."""
    found = {}
    for line in (out / "small" / "results.jsonl").read_text().splitlines():
        record = json.loads(line)
        record["values"].pop("seconds")
        found[record["seed"]] = (record["identity"], record["values"], record["curves"])
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert study(killing(folder), "-o", folder / "out").exit_code == 0
    return results(folder / "out")


def test_a_run_that_was_killed_goes_on_to_the_same_numbers(tmp_path, whole):
    path, out = killing(tmp_path), tmp_path / "out"
    assert killed(path, out, "1 4") == -signal.SIGKILL  # in the second run, after a checkpoint at 2
    folders = sorted((out / "small" / "runs").glob("*-*"))
    assert list(results(out)) == [0]
    ended = study(path, "-o", out)
    assert ended.exit_code == 0, ended.output
    assert "2 runs, 1 of them done before" in ended.output
    assert sorted((out / "small" / "runs").glob("*-*")) == folders  # none begins anew
    assert results(out) == whole


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(tmp_path, whole):
    path, out = killing(tmp_path), tmp_path / "out"
    assert killed(path, out, "0 1") == -signal.SIGKILL
    assert study(path, "-o", out).exit_code == 0
    assert results(out) == whole
    assert len(list((out / "small" / "runs").glob("*-*"))) == 2


@pytest.mark.parametrize("limits", [{}, {"budget": None, "set": f"{SET} trainer.iterations=5"}])
def test_a_run_that_was_trained_and_not_measured_is_measured(tmp_path, limits):
    """Five iterations, a row each two: the last row is one of the run's end."""
    path, out = write(tmp_path, **{**OWN, **limits}), tmp_path / "out"
    assert study(path, "-o", out).exit_code == 0
    before = results(out)
    (out / "small" / "results.jsonl").unlink()
    ended = study(path, "-o", out)
    assert ended.exit_code == 0, ended.output
    assert results(out) == before
    assert len(list((out / "small" / "runs").glob("*-*"))) == 2


def test_two_processes_do_not_make_one_run(tmp_path):
    path, out = write(tmp_path, **{**OWN, "seeds": [0]}), tmp_path / "out"
    assert study(path, "-o", out).exit_code == 0
    (identity,) = [record[0] for record in results(out).values()]
    (out / "small" / "results.jsonl").unlink()
    with FileLock(out / "small" / "runs" / ".locks" / identity):
        refused = study(path, "-o", out)
    assert refused.exit_code == 1
    assert "another process is making this run" in refused.output


def test_what_cannot_go_on_begins_anew(tmp_path):
    path, out = write(tmp_path, **{**OWN, "seeds": [0]}), tmp_path / "out"
    assert study(path, "-o", out).exit_code == 0
    before = results(out)
    (out / "small" / "results.jsonl").unlink()
    for checkpoint in out.glob("small/runs/*/checkpoints/*.ckpt"):
        checkpoint.write_bytes(b"PK cut off")
    assert study(path, "-o", out).exit_code == 0
    assert results(out) == before
    assert len(list((out / "small" / "runs").glob("*-*"))) == 2
