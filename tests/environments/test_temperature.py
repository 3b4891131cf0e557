"""The hypergrid under a temperature: one policy, exact at each beta, with no change of hypergrid, TB or the oracle."""

import itertools
import json
import math

import pandas as pd
import pytest
from click.testing import CliRunner

import molgfn
from molgfn.cli.main import cli
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.experiment import reward_of
from molgfn.runs.checkpoint import load

RUN = """
defaults:
  - train
  - override /environment: hypergrid
  - override /condition: temperature
  - override /oracle: hypergrid
  - override /policy: mlp
  - _self_
name: temperature
environment: {side: 5}
condition: {beta: {low: 0.25, high: 4.0}, bins: 8}
oracle: {r0: 0.3, r1: 0.3}
reward: {beta: null}
policy: {hidden: 64}
optimizer: {lr: 0.01, half_life: 165}
data: {batch_size: 128}
trainer: {iterations: 900, accelerator: cpu, threads: 1, log_every: 100, progress: none}
logger: {wandb: "off"}
evaluation: {samples: 40, batch: 40, log_pt_objects: 4, log_pt_samples: 2}
"""
BETAS = (0.5, 2.0, 4.0)


def call(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="molgfn")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a trained run."""
    folder = tmp_path_factory.mktemp("temperature")
    (folder / "run.yaml").write_text(f"{RUN}output: {folder / 'runs'}\n")
    result = call("train", folder / "run.yaml")
    assert result.exit_code == 0, result.stderr
    return folder / "runs"


def test_one_policy_samples_each_temperature_exactly(run):
    loaded = load(run)
    found = {}
    for beta in BETAS:
        here = loaded.under({"beta": beta})
        found[beta] = exact_distribution(here.environment, here.policy, reward_of(here.config))
        plain = exact_distribution(here.environment, here.policy, reward_of({**here.config, "reward": power(beta)}))
        assert found[beta].pi.tolist() == pytest.approx(plain.pi.tolist())  # the target is R(x)^beta
    assert {beta: exact.tv for beta, exact in found.items() if exact.tv >= 0.03} == {}
    for one, other in itertools.combinations(BETAS, 2):  # and the condition is what makes the difference
        apart = distance(found[one].p, found[other].p)
        assert apart == pytest.approx(distance(found[one].pi, found[other].pi), abs=0.05)
        assert apart > 0.1
    assert distance(found[0.5].p, found[4.0].pi) > 0.2


def distance(p, q):
    return float((p - q).abs().sum() / 2)


def power(beta):
    return {"_target_": "molgfn.rewards.power.Power", "beta": beta}


def test_a_reward_of_one_temperature_is_refused_beside_a_drawn_one(tmp_path):
    (tmp_path / "run.yaml").write_text(RUN)
    for overrides, says in (
        (["reward.beta=2"], "beta is drawn for each trajectory, but nothing reads it"),
        (["condition=none"], "reads the condition `beta`, but HyperGrid carries no condition"),
    ):
        result = call("train", tmp_path / "run.yaml", *overrides)
        assert result.exit_code == 2, result.output
        assert says in result.stderr


def sampled(run, out, *arguments):
    """(mean value, lines of the command) of 300 samples."""
    result = call("sample", run, "-n", 300, "--log-pt-samples", 2, "-o", out, *arguments)
    return result, pd.read_csv(out) if result.exit_code == 0 else None


def test_samples_are_of_the_condition_that_is_asked_for(run, tmp_path):
    cold, table = sampled(run, tmp_path / "cold.csv", "--condition", "beta=4")
    assert cold.exit_code == 0, cold.stderr
    assert "condition: beta = 4\n" in cold.stdout
    assert table["log_reward"].tolist() == pytest.approx([4 * math.log(v) for v in table["value"]])
    warm, other = sampled(run, tmp_path / "warm.csv", "--condition", "beta=0.25")
    assert "condition: beta = 0.25\n" in warm.stdout
    assert table["value"].mean() > other["value"].mean() + 0.05
    plain, middle = sampled(run, tmp_path / "plain.csv")
    assert "condition: beta = 1 (the reference; condition.temperature=... takes another)\n" in plain.stdout
    assert middle["log_reward"].tolist() == pytest.approx(middle["value"].map(math.log).tolist())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--condition", "beta=9"], "beta is 9, but the temperature is drawn from 0.25 to 4"),
        (["--condition", "gamma=1"], "there is no gamma in the temperature; it has beta"),
        (["--condition", "beta=x"], "should be NAME=NUMBER, got `beta=x`"),
        (["--condition", "beta=1", "--condition", "beta=2"], "beta is given twice"),
    ],
)
def test_conditions_that_the_run_does_not_know_are_refused(run, tmp_path, words, says):
    result, _ = sampled(run, tmp_path / "x.csv", *words)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.stderr.split())
    assert not (tmp_path / "x.csv").exists()


def test_an_evaluation_is_of_one_condition_and_says_which(run, tmp_path):
    for words, beta in (([], 1.0), (["--condition", "beta=3"], 3.0)):
        folder = tmp_path / f"at {beta:g}"
        result = call("evaluate", run, "-o", folder, "--no-untrained", *words)
        assert result.exit_code == 0, result.stderr
        assert f"condition: beta = {beta:g}" in result.stderr
        found = json.loads((folder / "metrics.json").read_text())
        assert found["source"]["condition"] == {"beta": beta}
        assert found["metrics"]["exact/tv"]["value"] < 0.03
    here = molgfn.sample(run, 5, condition={"beta": 2.0}, values=True)
    assert here.table["log_reward"].tolist() == pytest.approx([2 * math.log(v) for v in here.table["value"]])
    assert here.table["beta"].tolist() == [2.0] * 5
    with pytest.raises(ConfigError, match="beta is 9"):
        molgfn.evaluate(run, condition={"beta": 9.0})
