"""Small experiments, and checkpoints of theirs that no training made."""

import pytest
import torch
from click.testing import CliRunner

from molgfn.cli.main import cli

GRID = """
defaults:
  - train
  - override /environment: hypergrid
  - override /oracle: hypergrid
  - override /policy: mlp
  - _self_
name: grid
environment: {side: 4}
policy: {hidden: 8, layers: 1}
data: {batch_size: 8}
trainer: {iterations: 3, accelerator: cpu, threads: 1, progress: none}
logger: {wandb: "off"}
evaluation: {samples: 40, batch: 40, log_pt_objects: 4, log_pt_samples: 2}
"""
MOLECULES = """
defaults: [train, _self_]
name: molecules
environment:
  vocabulary: [[c1ccccc1, [0, 3], 1], [CO, [0], 1], [C, [0], 1], [C1CCNCC1, [0, 3], 1]]
  max_fragments: 3
policy: {width: 8, layers: 1, heads: 2}
trainer: {accelerator: cpu, threads: 1, progress: none}
logger: {wandb: "off"}
evaluation: {samples: 30, batch: 30, log_pt_objects: 4, log_pt_samples: 2}
"""


@pytest.fixture
def call():
    """Run the command line inside this process."""

    def run(*arguments):
        return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="molgfn")

    return run


@pytest.fixture
def grid_file(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(f"{GRID}output: {tmp_path / 'runs'}\n")
    return path


@pytest.fixture
def molecules_file(tmp_path):
    path = tmp_path / "molecules.yaml"
    path.write_text(f"{MOLECULES}output: {tmp_path / 'runs'}\n")
    return path


def save_run(folder, experiment) -> None:
    """A run folder with the checkpoint of an untrained policy."""
    from molgfn.composing.compose import checked
    from molgfn.experiment import assemble

    config = checked(str(experiment))
    policy = assemble(config).policy
    (folder / "checkpoints").mkdir(parents=True)
    weights = {f"policy.{k}": v for k, v in policy.state_dict().items()}
    record = {"version": "0", "config": config, "iteration": 3}
    torch.save({"state_dict": weights, "molgfn": record}, folder / "checkpoints" / "last.ckpt")


@pytest.fixture
def grid_run(tmp_path, grid_file):
    save_run(tmp_path / "grid_run", grid_file)
    return tmp_path / "grid_run"


@pytest.fixture
def molecules_run(tmp_path, molecules_file):
    save_run(tmp_path / "molecules_run", molecules_file)
    return tmp_path / "molecules_run"


@pytest.fixture
def druglike_run(tmp_path, molecules_file):
    """A run with a reward of several parts, of which one speaks in words."""
    text = molecules_file.read_text()
    molecules_file.write_text(text.replace("[train, _self_]", "[train, override oracle: druglike, _self_]"))
    save_run(tmp_path / "druglike_run", molecules_file)
    return tmp_path / "druglike_run"
