"""Every benchmark runs to its end and prints its tables; what they measure is for a quiet machine."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from molgfn.training import memory

SCRIPTS = Path(__file__).parents[2] / "benchmarks"
#: script -> words of a small run, and what it says
SMALL = {
    "run.py": (["--rounds", "1", "--batch", "2", "--vocabulary", "rdkit"], ["recorded, kB a trajectory", "bf16"]),
    "gradient_variance.py": (
        ["--points", "0", "1", "--trajectories", "4"],
        ["trace of the gradient's covariance", "reward_to_go"],
    ),
    "reactions.py": (
        ["--reactions", "1", "--rounds", "1", "--batch", "2", "--blocks", "40"],
        ["inversion %", "draw s"],
    ),
    "symmetry.py": (["rdkit", "5"], ["log c(t) of trees", "5 of 5 valid"]),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_runs(name, monkeypatch, capsys):
    words, said = SMALL[name]
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setattr(sys, "argv", [name, *words])
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    monkeypatch.setattr(memory, "keep_freed_memory", lambda: None)
    runpy.run_path(str(SCRIPTS / name), run_name="__main__")
    printed = capsys.readouterr().out
    for words in said:
        assert words in printed


#: script of the experiments without a test of its own -> words of a small run ({}: a folder), what it says at last
EXPERIMENTS = {
    "batches/toy.py": (["{}", "--seeds", "0", "--rows", "random", "batchgfn", "--updates", "2"], "batchgfn"),
    "conditions/composition.py": (["-o", "{}", "--iterations", "1", "--seeds", "0"], "| 5 |"),
    "conditions/rules.py": ([], "| 167 molecules"),
    "generalisation/noise.py": (["-o", "{}", "--most", "2"], "| 171 molecules | 3 | 2 |"),
    "masks/layerwise.py": (["--steps", "2", "--seeds", "0"], "q(z), seed 0"),
    "self_play/rounds.py": (["-o", "{}", "--rows", "self-play", "--seeds", "0", "--round", "1"], "| self-play | 5 |"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_script_of_the_experiments_runs(name, tmp_path):
    words, said = EXPERIMENTS[name]
    words = [word.format(tmp_path) for word in words]
    script = SCRIPTS.parent / "experiments" / name
    done = subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_a_soak_ends_with_a_checkpoint(tmp_path):
    words = ["--minutes", "0.7", "--warm-up", "0", "--experiment", "hypergrid/tb", "--output", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "soak.py"), *words, "scoring.workers=0"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "exit code 143" in done.stdout
    assert (tmp_path / "soak.png").exists()


@pytest.mark.slow
def test_a_version_beside_itself():
    here = str(SCRIPTS.parent)
    words = [here, here, "--rounds", "1", "--only", "hypergrid, TB"]
    done = subprocess.run([sys.executable, str(SCRIPTS / "versions.py"), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| hypergrid, TB |" in done.stdout


def test_no_benchmark_is_left_out():
    """A script here has a test of its own or a line above."""
    tested = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    helpers = {"clock.py"}
    assert [p.name for p in SCRIPTS.glob("*.py") if p.name not in helpers and f'"{p.name}"' not in tested] == []
