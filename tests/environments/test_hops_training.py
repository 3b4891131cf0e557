"""The stranger's environment of ten states, trained from its file by the command line to the exact distribution."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from molgfn.cli.main import cli
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.experiment import reward_of
from molgfn.runs.checkpoint import load
from molgfn.trajectories.sampler import Sampler

OWN = Path(__file__).with_name("hops.py")
#: rewards of the places; one is 40 times another
REWARDS = {place: value for place, value in enumerate((4.0, 0.5, 3.0, 1.0, 6.0, 0.2, 8.0, 2.0, 5.0), start=1)}
RUN = """
defaults:
  - train
  - override /policy: mlp
  - override /oracle: table
  - _self_
name: hops
environment: {_target_: "hops.py:Hops"}
oracle:
  domain: grid
  values: {VALUES}
policy: {hidden: 32, layers: 1}
optimizer: {lr: 0.01, half_life: 200}
data: {batch_size: 64}
trainer: {iterations: 400, accelerator: cpu, threads: 1, log_every: 200, progress: none}
logger: {wandb: "off"}
evaluation: {samples: 16, batch: 16, log_pt_objects: 2, log_pt_samples: 2}
output: runs
"""


@pytest.mark.parametrize(("objective", "backward"), [("tb", "uniform"), ("db", "tlm")])
def test_training_reaches_the_exact_distribution(objective, backward, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hops.py").write_text(OWN.read_text())
    values = ", ".join(f'"{place}": {value}' for place, value in REWARDS.items())
    (tmp_path / "hops.yaml").write_text(RUN.replace("VALUES", values))
    arguments = ["train", "hops.yaml", f"objective={objective}", f"backward={backward}"]
    result = CliRunner().invoke(cli, arguments, prog_name="molgfn")
    assert result.exit_code == 0, result.stderr
    loaded = load(tmp_path / "runs", trust=[str(tmp_path / "hops.py")])
    exact = exact_distribution(loaded.environment, loaded.policy, reward_of(loaded.config))
    total = sum(REWARDS.values())
    assert dict(zip(exact.keys, exact.pi.tolist(), strict=True)) == pytest.approx(
        {str(place): value / total for place, value in REWARDS.items()}
    )
    assert exact.tv < 0.03
    drawn = Sampler(loaded.environment, compact=False).forward(loaded.policy, 64)
    assert drawn.actions.shape == drawn.backward_actions.shape == (len(drawn.states), 2)
    assert drawn.exits.sum() == 64
    assert drawn.exits[drawn.last].all()
    assert len(drawn.lengths.unique()) > 2  # one place by paths of different lengths
