"""The hypergrid under a temperature: one policy, exact at each beta, with no change of hypergrid, TB or the oracle."""

import itertools

import pytest
from click.testing import CliRunner

from molgfn.checkpoint import load
from molgfn.cli.main import cli
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.experiment import reward_of

RUN = """
defaults:
  - train
  - override /environment: hypergrid
  - override /condition: temperature
  - override /oracle: hypergrid
  - override /policy: mlp
  - _self_
name: temperature
environment: {side: 6}
condition: {beta: {low: 0.25, high: 4.0}, bins: 8}
reward: {beta: null}
policy: {hidden: 64}
optimizer: {lr: 0.01, half_life: 120}
data: {batch_size: 128}
trainer: {iterations: 700, accelerator: cpu, threads: 1, log_every: 100, progress: none}
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
        apart = (found[one].p - found[other].p).abs().sum() / 2
        assert apart == pytest.approx((found[one].pi - found[other].pi).abs().sum() / 2, abs=0.05)
        assert apart > 0.05
    assert (found[0.5].p - found[4.0].pi).abs().sum() / 2 > 0.2


def power(beta):
    return {"_target_": "molgfn.rewards.power.Power", "beta": beta}


def test_a_reward_of_one_temperature_is_refused_beside_a_drawn_one(tmp_path):
    (tmp_path / "run.yaml").write_text(RUN)
    for overrides, says in (
        (["reward.beta=2"], "beta is drawn for each trajectory, but nothing reads it"),
        (["condition=null"], "reads the condition `beta`, but HyperGrid carries no condition"),
    ):
        result = call("train", tmp_path / "run.yaml", *overrides)
        assert result.exit_code == 2, result.output
        assert says in result.stderr
