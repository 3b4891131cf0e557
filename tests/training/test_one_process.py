"""What a cluster leaves in the environment, and what a path's name looks like, changes nothing in a run."""

import csv
import os
import subprocess
import sys

import pytest
import yaml
from lightning_fabric.utilities.rank_zero import rank_zero_only

from molgfn.errors import TrainingError
from molgfn.experiment import train
from molgfn.runs.checkpoint import load
from molgfn.training.one_process import RANKS, LocalCheckpoints, alone


def shipped(group, name, **changes):
    from molgfn.composing.places import shipped as folder

    node = yaml.safe_load((folder("configs") / group / f"{name}.yaml").read_text())
    return {**node, **changes}


@pytest.fixture
def config(tmp_path):
    return {
        "name": "grid",
        "seed": 0,
        "output": str(tmp_path / "runs"),
        "environment": {"_target_": "molgfn.environments.hypergrid.HyperGrid", "dimensions": 2, "side": 3},
        "oracle": shipped("oracle", "hypergrid", dimensions=2, side=3),
        "reward": shipped("reward", "power"),
        "policy": shipped("policy", "mlp", hidden=8, layers=1),
        "objective": shipped("objective", "tb"),
        "backward": shipped("backward", "uniform"),
        "data": shipped("data", "on_policy", batch_size=4),
        "optimizer": shipped("optimizer", "adam"),
        "trainer": shipped(
            "trainer", "default", iterations=3, log_every=1, accelerator="cpu", threads=1, progress="none"
        ),
        "logger": shipped("logger", "default", wandb="off"),
        "evaluation": shipped("evaluation", "default"),
    }


def rows(run):
    with (run.folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", [*RANKS, "SLURM_NTASKS", "WORLD_SIZE"])
def test_a_rank_in_the_environment_silences_nothing(config, monkeypatch, name):
    monkeypatch.setenv(name, "3")
    monkeypatch.setattr(rank_zero_only, "rank", 3)  # as Lightning reads it when it is imported
    run = train(config)
    assert len(rows(run)) == 3
    assert load(run.folder).iteration == 3
    assert rank_zero_only.rank == 3


def test_a_cluster_job_of_several_tasks_is_a_run_of_its_own(config, tmp_path):
    cluster = {
        "SLURM_PROCID": "2",
        "SLURM_LOCALID": "2",
        "SLURM_NTASKS": "4",
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NAME": "x",
    }
    cluster |= {
        "SLURM_NTASKS_PER_NODE": "4",
        "RANK": "2",
        "LOCAL_RANK": "2",
        "WORLD_SIZE": "4",
        "TORCHELASTIC_RUN_ID": "x",
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    code = "import sys, yaml; from molgfn.experiment import train; train(yaml.safe_load(open(sys.argv[1])))"
    arguments = [sys.executable, "-c", code, str(tmp_path / "config.yaml")]
    subprocess.run(arguments, env={**os.environ, **cluster}, check=True, capture_output=True)
    (folder,) = (tmp_path / "runs").iterdir()
    assert len((folder / "metrics.csv").read_text().splitlines()) == 4
    assert load(folder).iteration == 3


def test_the_rank_is_given_back_after_an_error(monkeypatch):
    monkeypatch.setattr(rank_zero_only, "rank", 2)
    with pytest.raises(KeyError), alone():
        {}[rank_zero_only.rank]
    assert rank_zero_only.rank == 2


@pytest.mark.parametrize(
    "name", ["a::b", "file:z", "run#1", "run?1", "run%41", "ü 名", "x=y,z's", "s3:", "simplecache::f"]
)
def test_a_run_folder_of_any_name_is_whole_and_goes_on(config, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    config = {**config, "output": f"{name}/", "scoring": shipped("scoring", "default", budget=5)}
    run = train(config)
    assert run.folder.parent == tmp_path / name
    assert os.listdir(tmp_path) == [name]
    there = {p.name for p in run.folder.iterdir()}
    assert there >= {
        "checkpoints",
        "config.yaml",
        "log.txt",
        "metrics.csv",
        "results.yaml",
        "scored.sqlite",
        "top_auc.csv",
    }
    more = {**config, "scoring": None, "trainer": {**config["trainer"], "iterations": 5}}
    again = train(more, resume=run.checkpoint)
    assert again.folder == run.folder
    assert load(run.folder).iteration == 5
    assert os.listdir(tmp_path) == [name]


def test_home_in_a_path_is_one_place(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    run = train({**config, "output": "~/runs"})
    assert run.folder.parent == tmp_path / "me" / "runs"
    assert run.checkpoint.is_file()
    assert os.listdir(tmp_path) == ["me"]
    assert yaml.safe_load((run.folder / "config.yaml").read_text())["output"] == str(tmp_path / "me" / "runs")


@pytest.mark.parametrize("broken", ["first", "last"])
def test_a_run_whose_last_checkpoint_cannot_be_written_fails(config, monkeypatch, broken):
    save, tries = LocalCheckpoints.save_checkpoint, []

    def full(self, checkpoint, path, storage_options=None):
        tries.append(path)
        if broken == "first" or len(tries) > 1:
            raise OSError(28, "No space left on device")
        save(self, checkpoint, path, storage_options)

    monkeypatch.setattr(LocalCheckpoints, "save_checkpoint", full)
    config["trainer"]["checkpoint_every"] = 2
    with pytest.raises(TrainingError, match="there is none" if broken == "first" else "earlier iteration is at"):
        train(config)
