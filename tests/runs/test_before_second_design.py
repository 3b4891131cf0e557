"""A checkpoint that an earlier version wrote: loaded, sampled from, and trained on as that version went on itself."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from molgfn.cli.main import cli
from molgfn.runs.checkpoint import load

KEPT = Path(__file__).parents[1] / "data" / "before_second_design.ckpt"
#: after three iterations more: what that version had (sums of absolute weights, and what it logged)
WEIGHTS = {
    "policy.trunk.0.weight": 28.156445,
    "policy.backward_head.weight": 0.0934989,
    "policy.flow_head.bias": 0.9172754,
    "followers.copies.backward.backward_head.weight": 0.0666867,
}
LOGGED = {"train/loss/critic": 0.8465144, "train/loss/policy": 0.0357239, "train/loss/tlm": 0.5192543}
COUNTED = {"oracle/calls": 144, "found/unique": 26, "train/gradient_steps": 117}


def call(*arguments):
    result = CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="molgfn")
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def run(tmp_path):
    """A run folder of which only the checkpoint is left."""
    (tmp_path / "old" / "checkpoints").mkdir(parents=True)
    shutil.copy(KEPT, tmp_path / "old" / "checkpoints" / "last.ckpt")
    return tmp_path / "old"


def test_it_samples_and_is_evaluated(run, tmp_path):
    loaded = load(run)
    kept = torch.load(KEPT, weights_only=False)["state_dict"]
    assert torch.equal(loaded.policy.flow_head.weight, kept["policy.flow_head.weight"])
    call("sample", run, "-n", 6, "-o", tmp_path / "six.csv")
    assert len((tmp_path / "six.csv").read_text().splitlines()) == 7
    call("evaluate", run, "-o", tmp_path / "ev")
    found = json.loads((tmp_path / "ev" / "metrics.json").read_text())["metrics"]
    assert found["exact/tv"]["count"] == 36
    assert (tmp_path / "ev" / "report.html").is_file()


def test_it_goes_on_as_it_would_have(run):
    call("train", "--resume", run, "trainer.iterations=9")
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=False)["state_dict"]
    sums = {name: state[name].double().abs().sum().item() for name in WEIGHTS}
    assert sums == pytest.approx(WEIGHTS, rel=1e-4)
    with (run / "metrics.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert {name: float(last[name]) for name in LOGGED} == pytest.approx(LOGGED, rel=1e-3)
    assert {name: float(last[name]) for name in COUNTED} == COUNTED
