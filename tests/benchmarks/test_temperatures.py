"""One sampler for every temperature beside separate ones: what is measured, and under which temperature."""

import math
import sys

import pytest
import yaml
from tests.benchmarks.test_nsga2 import script

#: molecules of a few carbons and oxygens
EXPERIMENT = """\
defaults: [train, override oracle: qed, {more}_self_]
name: {name}
environment: {{vocabulary: [[C, [0]], [CC, [0, 1]], [CCC, [0, 2]], [CCO, [0, 1]]], max_fragments: 3}}
reward: {{beta: {beta}}}
"""
MOLECULES = ["CCO", "CCCO", "CCCCO", "CCCCCO", "CCCCCCO", "CC", "CCC", "CCCC", "CCCCC", "CC(O)C", "CCC(O)C"]
SMALL = (
    *("trainer.threads=1", "trainer.accelerator=cpu", "trainer.log_every=1", "data.batch_size=8"),
    *("policy.width=16", "policy.layers=1"),
)


@pytest.fixture
def temperatures(tmp_path, monkeypatch):
    """The script with a cheap oracle, few samples and molecules that this vocabulary builds."""
    module = script("temperatures")
    for name, more, beta in (("ONE", "override condition: temperature, ", "null"), ("SEPARATE", "", "1.0")):
        experiment = tmp_path / f"{name}.yaml"
        experiment.write_text(EXPERIMENT.format(name=name, more=more, beta=beta))
        monkeypatch.setattr(module, name, experiment)
    heldout = tmp_path / "heldout.smi"
    heldout.write_text("\n".join(MOLECULES))
    monkeypatch.setattr(module, "HELDOUT", heldout)
    monkeypatch.setattr(module, "SAMPLES", 12)
    return module


def test_the_table_has_every_run_at_every_temperature(temperatures, tmp_path, monkeypatch, capsys):
    words = ["-o", str(tmp_path / "runs"), "--iterations", "4", "--betas", "2", "16", "--seeds", "1"]
    monkeypatch.setattr(sys, "argv", ["temperatures.py", *SMALL, *words])
    asked = []
    monkeypatch.setattr(temperatures, "measured", lambda run, beta: asked.append((run, beta)) or {"mean proxy": 2.0})
    monkeypatch.setattr(temperatures, "MEASURES", {"mean proxy": "mean/value"})
    temperatures.main()
    shown = capsys.readouterr().out
    assert "one run of 4 batches; 2 of 2; seeds [1]" in shown
    rows = [line for line in shown.splitlines() if line.startswith(("| 2 |", "| 16 |"))]
    assert rows == [f"| {beta} | {name} | 2 |" for beta in (2, 16) for name in ("one for all", "its own")]
    assert [beta for _, beta in asked] == [2.0, None, 16.0, None]
    assert len({run for run, _ in asked}) == 3
    config = yaml.safe_load((asked[3][0] / "config.yaml").read_text())
    assert (config["reward"]["beta"], config["trainer"]["iterations"], config["seed"]) == (16.0, 2, 1)
    again = temperatures.trained(tmp_path / "runs" / "beta16-1", temperatures.SEPARATE)
    assert again == asked[3][0], "what is there is not trained anew"


def test_a_cell_has_the_interval_over_seeds(temperatures):
    assert temperatures.cell([1.0, 3.0]) == "2 ± 13"
    assert (temperatures.cell([1.0]), temperatures.cell([float("nan")])) == ("1", "–")


def test_one_run_is_measured_under_the_temperature_that_is_asked_for(temperatures, tmp_path):
    run = temperatures.trained(tmp_path / "one", temperatures.ONE, *SMALL, "trainer.iterations=2")
    cold, hot = (temperatures.measured(run, beta) for beta in (2.0, 30.0))
    assert cold["ELBO"] > hot["ELBO"], "log R is beta log QED, so that it falls with beta"
    assert set(cold) == set(temperatures.MEASURES)
    assert not any(math.isnan(value) for value in cold.values())
    assert {path.name for path in run.glob("evaluation*")} >= {"evaluation-2", "evaluation-30"}


def test_calls_that_cannot_be_shared_alike_are_refused(temperatures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["temperatures.py", "-o", str(tmp_path), "--iterations", "5", "--betas", "2", "4"])
    with pytest.raises(SystemExit):
        temperatures.main()
    assert "5 cannot be shared among 2 runs" in capsys.readouterr().err
