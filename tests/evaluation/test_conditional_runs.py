"""Runs under conditions from the command to the page: their files, their numbers, and what is refused."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import molgfn
from molgfn.cli.main import cli
from molgfn.evaluation.metrics.several_objectives.fronts import hypervolume, pareto_front
from molgfn.evaluation.report.page import write_report

SMALL = [
    *("trainer.iterations=3", "trainer.threads=1", "trainer.accelerator=cpu", "trainer.log_every=1"),
    *("trainer.progress=none", "data.batch_size=16", "logger.wandb=off", "evaluation.samples=30"),
    *("evaluation.batch=30", "evaluation.log_pt_objects=10", "evaluation.log_pt_samples=2"),
]
MOLECULES = """
defaults: [quickstart, override /condition: preference, override /scalarisation: weighted_sum, _self_]
name: three
environment: {max_fragments: 3}
policy: {width: 16, layers: 1}
oracle:
  _target_: molgfn.rewards.objectives.Objectives
  components:
    qed: {_target_: molgfn.rewards.components.Component, oracle: {_target_: molgfn.oracles.properties.qed.QED}}
    sa:
      _target_: molgfn.rewards.components.Component
      oracle: {_target_: molgfn.oracles.properties.sa.SA}
      transform: {_target_: molgfn.rewards.transforms.Linear, low: 10, high: 1}
    mw:
      _target_: molgfn.rewards.components.Component
      oracle: {_target_: molgfn.oracles.properties.weight.Weight}
      transform: {_target_: molgfn.rewards.transforms.Linear, low: 600, high: 100}
  scalarisation: ${scalarisation}
evaluation: {condition_samples: 12, conditions: 4, condition_log_pt_objects: 0}
"""


def call(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="molgfn")


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    more = ["environment.side=5", "oracle.side=5", "oracle.functions=[branin,currin]", f"output={folder}"]
    return molgfn.train("conditions/grid", *SMALL, *more).folder


@pytest.fixture(scope="module")
def molecules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("molecules")
    (folder / "three.yaml").write_text(MOLECULES)
    run = molgfn.train(folder / "three.yaml", *SMALL, f"output={folder}").folder
    molgfn.evaluate(run, untrained=False)
    return run


def test_the_command_measures_as_many_conditions_as_it_is_told(grid):
    done = call("evaluate", grid, "--over", "4", "--no-untrained", "condition.preference=.3,.7")
    assert done.exit_code == 0, done.stderr
    assert "preference_branin = 0.3" in done.stderr
    assert "Exact total variation, mean over conditions" in done.stderr
    table = pd.read_csv(grid / "evaluation" / "conditions.csv")
    assert len(table) == 4
    assert list(table.columns[:2]) == ["preference_branin", "preference_currin"]
    assert table[["tv", "log_z_error", "mean_branin", "mean_currin"]].notna().all().all()
    metrics = json.loads((grid / "evaluation" / "metrics.json").read_text())["metrics"]
    assert metrics["by_condition/each/tv"]["value"] == pytest.approx(table["tv"].mean())
    assert metrics["by_condition/each/log_z_error"]["value"] == pytest.approx(table["log_z_error"].abs().mean())
    done = call("evaluate", grid, "--over", "0", "--no-untrained")
    assert done.exit_code == 0, done.stderr
    assert not (grid / "evaluation" / "conditions.csv").exists()


def test_conditions_are_for_runs(tmp_path):
    (tmp_path / "some.smi").write_text("CCO\n")
    done = call("evaluate", tmp_path / "some.smi", "--over", "3")
    assert done.exit_code == 2
    assert "--over is for a run" in done.stderr


def test_the_page_shows_how_molecules_move_and_their_front(molecules):
    folder = molecules / "evaluation"
    page = (folder / "report.html").read_text()
    titles = re.findall(r"<figcaption>([^<]*)</figcaption>", page)
    for title in ("Each objective against its weight", "sa against qed", "mw against qed", "mw against sa"):
        assert title in titles
    assert "log Z of each condition: the policy&#39;s own" in titles
    text = re.sub(r"<[^>]+>", " ", page)
    assert "4 conditions spread over what the policy was trained on, 12 samples under each." in text
    rows = pd.read_csv(folder / "condition_samples.csv")
    names = [f"objective_{name}" for name in ("qed", "sa", "mw")]
    different = rows.drop_duplicates("smiles")
    front = different.iloc[pareto_front(different[names].to_numpy())]
    assert f"{len(front)} different molecules are on it" in text
    assert f"dominate {100 * hypervolume(rows[names].to_numpy()):.1f} % of what" in text
    section = page.partition('<h2 id="pareto">Pareto front</h2>')[2].partition("<h2")[0]
    shown = re.findall(r'class="key" title="([^"]*)"', section)
    assert 0 < len(shown) == min(12, len(front))
    assert set(shown) <= set(front["smiles"])
    first = front.loc[front["objective_qed"].idxmax()]
    assert shown[0] == first["smiles"]
    assert f"qed {first['objective_qed']:.2f} · sa {first['objective_sa']:.2f}" in section
    assert "preference" not in section


def test_a_table_that_is_no_such_is_named(molecules, tmp_path):
    for path in (molecules / "evaluation").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "conditions.csv").write_text("a,b\n1,2\n")
    with pytest.raises(molgfn.errors.DataError, match=r"conditions\.csv"):
        write_report(tmp_path, evaluation=tmp_path)


def test_a_front_without_conditions(tmp_path):
    run = molgfn.train("quickstart", *SMALL, "policy.width=16", "policy.layers=1", f"output={tmp_path}").folder
    done = molgfn.evaluate(run, untrained=False)
    points = done.evaluation.samples.points
    assert points.shape == (30, 2)
    assert done.metrics["objectives/hypervolume/n=30"] == pytest.approx(hypervolume(points))
    assert not any(key.startswith("by_condition/") for key in done.metrics)
    page = done.report.read_text()
    assert '<h2 id="pareto">Pareto front</h2>' in page
    assert '<h2 id="conditions">Conditions</h2>' not in page
    values = done.evaluation.samples.components
    assert done.evaluation.samples.objectives["sa"] == pytest.approx(np.asarray(values["sa_transformed"]))
