"""Runs under preferences and goals: exact for each, sampled by words and grids, gone on with, and told by errors."""

import json
from pathlib import Path

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from click.testing import CliRunner
from tests.conditions.corners import Corners

import molgfn
from molgfn.cli.main import cli
from molgfn.cli.sample import _require_room
from molgfn.composing.compose import checked
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.experiment import train
from molgfn.runs.checkpoint import load, read

CORNERS = Path(__file__).with_name("corners.py")
RUN = f"""
defaults:
  - train
  - override /environment: hypergrid
  - override /condition: CONDITION
  - override /oracle: hypergrid
  - override /policy: mlp
  - _self_
name: corners
environment: {{side: 4}}
condition: {{names: [left, low]SETTINGS}}
oracle: {{side: 4}}
reward: {{_target_: "{CORNERS}:Corners", side: 4, by: CONDITION}}
policy: {{hidden: 64}}
optimizer: {{lr: 0.01, half_life: 110}}
data: {{batch_size: 64}}
trainer: {{iterations: 500, accelerator: cpu, threads: 1, log_every: 100, progress: none}}
logger: {{wandb: "off"}}
evaluation: {{samples: 40, batch: 40, log_pt_objects: 4, log_pt_samples: 2}}
"""
TRUST = ["--trust", str(CORNERS)]


def call(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="molgfn")


def experiment(folder, condition):
    place = folder / f"{condition}.yaml"
    settings = ", weights: {alpha: 1.0}" if condition == "preference" else ""
    text = RUN.replace("CONDITION", condition).replace("SETTINGS", settings)
    place.write_text(f"{text}output: {folder / 'runs'}\n")
    return place


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run that was trained under preferences."""
    folder = tmp_path_factory.mktemp("preference")
    result = call("train", experiment(folder, "preference"))
    assert result.exit_code == 0, result.stderr
    return folder / "runs"


def test_one_policy_samples_each_preference_exactly(run):
    loaded = load(run, trust=[str(CORNERS)])
    found = {}
    for weights in [(1.0, 0.0), (0.75, 0.25), (0.5, 0.5), (0.0, 1.0)]:
        here = loaded.under({"preference": weights})
        found[weights] = exact_distribution(here.environment, here.policy, Corners(side=4))
    assert {weights: exact.tv for weights, exact in found.items() if exact.tv >= 0.04} == {}
    left, low = found[1.0, 0.0], found[0.0, 1.0]
    assert (left.pi - low.pi).abs().sum() / 2 > 0.4
    assert (left.p - low.p).abs().sum() / 2 == pytest.approx(float((left.pi - low.pi).abs().sum() / 2), abs=0.08)


def test_words_make_a_grid_whose_parts_are_those_of_each_word_alone(run, tmp_path):
    words = ["condition.preference=.2,.8", "condition.preference=1,0"]
    grid = call("sample", run, "-n", 40, *words, "-o", tmp_path / "grid.csv", *TRUST, "--seed", 3)
    assert grid.exit_code == 0, grid.output
    assert "condition: 2 of them, from preference_left = 0.2, preference_low = 0.8 on" in grid.stdout
    assert "80 objects" in grid.stdout
    table = pd.read_csv(tmp_path / "grid.csv")
    assert len(table) == 80
    assert [c for c in table if c.startswith("preference")] == ["preference_left", "preference_low"]
    assert table["preference_left"].tolist() == [0.2] * 40 + [1.0] * 40
    weights = torch.tensor(table[["preference_left", "preference_low"]].to_numpy())
    worth = (weights * torch.tensor(table[["left", "low"]].to_numpy())).sum(1).clamp(min=1e-2)
    assert table["log_reward"].tolist() == pytest.approx((3 * worth.log()).tolist())
    for number, word in enumerate(words):
        assert call("sample", run, "-n", 40, word, "-o", tmp_path / "one.csv", *TRUST, "--seed", 3).exit_code == 0
        alone = pd.read_csv(tmp_path / "one.csv")
        pd.testing.assert_frame_equal(alone, table.iloc[40 * number : 40 * number + 40].reset_index(drop=True))


def test_a_file_of_conditions_and_python_say_the_same(run, tmp_path):
    (tmp_path / "c.csv").write_text('preference,preference_left,preference_low\n".2,.8",,\n,1,0\n')
    result = call("sample", run, "-n", 10, "--conditions", tmp_path / "c.csv", "-o", tmp_path / "o.csv", *TRUST)
    assert result.exit_code == 0, result.output
    asked = [{"preference": [0.2, 0.8]}, {"preference_left": 1.0, "preference_low": 0.0}]
    found = molgfn.sample(run, 10, condition=asked, log_pt_samples=16, trust=[str(CORNERS)])
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "o.csv"), pd.read_csv(found.save(tmp_path / "python.csv")))
    one = molgfn.sample(run, 10, condition=asked[0], log_pt_samples=16, trust=[str(CORNERS)])
    assert list(one.keys) == list(found.keys)[:10]
    assert found.draws == 20
    assert found.different == len(set(found.keys))


def test_drawn_conditions_differ_and_log_pt_is_under_each_own(run, tmp_path):
    arguments = ("sample", run, "-n", 30, "condition=drawn", "--log-pt-samples", 400, *TRUST)
    result = call(*arguments, "-o", tmp_path / "o.csv")
    assert result.exit_code == 0, result.output
    assert "condition: the preference, drawn for each object as in training" in result.stdout
    table = pd.read_csv(tmp_path / "o.csv")
    assert len(table["preference_left"].unique()) == 30
    assert (table["preference_left"] + table["preference_low"]).tolist() == pytest.approx([1.0] * 30)
    loaded = load(run, trust=[str(CORNERS)])
    for _, row in table.head(8).iterrows():
        here = loaded.under({c: row[c] for c in ("preference_left", "preference_low")})
        exact = exact_distribution(here.environment, here.policy, Corners(side=4))
        p = exact.p[exact.keys.index(f"{int(row['x0'])} {int(row['x1'])}")].log().item()
        assert row["log_pt"] == pytest.approx(p, abs=5 * row["log_pt_error"] + 1e-3)
    call(*arguments, "-o", tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "o.csv").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["condition.preference=.2,.9"], "the weights 0.2, 0.9 should not be negative and should sum to 1"),
        (["condition.preference=1"], "condition.preference: should be 2 weights (left, low), not negative and with"),
        (["condition.prefer=1,0"], "there is no prefer in the preference; it has preference_left, preference_low"),
        (["condition.preference=a,b"], "`condition.preference=a,b`: should be a number, or several with commas"),
        (["condition=all"], "write condition.NAME=VALUE, or condition=drawn"),
        (["condition=drawn", "condition.preference=1,0"], "each say which conditions; give one"),
        (
            ["condition.preference=1,0", "condition.preference=2,0"],
            "the weights 2, 0 should not be negative and should ",
        ),
        (["preference=1,0"], "`preference=1,0`: after the run come words such as condition.temperature=16"),
    ],
)
def test_words_that_the_run_does_not_know_are_refused_before_anything_is_drawn(run, tmp_path, words, says):
    result = call("sample", run, "-n", 5, *words, "-o", tmp_path / "x.csv", *TRUST)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.stderr.split())
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("asked", ["drawn", [{"temperature": 1.0}, {"temperature": 2.0}]])
def test_a_file_without_columns_takes_one_condition_only(asked):
    place = Path("x.smi")
    assert _require_room(place, None, None, None, {"temperature": 1.0}) is False
    with pytest.raises(
        ConfigError, match=r"a .smi has no room for the condition of each object; use .csv, .parquet or .sdf"
    ):
        _require_room(place, None, None, None, asked)
    assert _require_room(Path("x.csv"), None, None, None, asked)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("preference\n", 3, "has no conditions"),
        ("preference\nmuch\n", 2, "line 2, preference: should be a number, or several, got `much`"),
        ("wish\n1\n", 2, "there is no wish in the preference"),
        (None, 3, "c.csv: cannot be read (No such file or directory)"),
    ],
)
def test_a_file_that_holds_no_conditions_is_refused(run, tmp_path, text, code, says):
    if text is not None:
        (tmp_path / "c.csv").write_text(text)
    result = call("sample", run, "-n", 5, "--conditions", tmp_path / "c.csv", "-o", tmp_path / "x.csv", *TRUST)
    assert result.exit_code == code, result.output
    assert says in " ".join(result.stderr.split())


def test_an_evaluation_takes_one_word(run, tmp_path):
    arguments = ("evaluate", run, "-o", tmp_path / "e", "--no-untrained", *TRUST)
    result = call(*arguments, "condition.preference=.25,.75")
    assert result.exit_code == 0, result.output
    assert "condition: preference_left = 0.25, preference_low = 0.75\n" in result.stderr
    found = json.loads((tmp_path / "e" / "metrics.json").read_text())
    assert found["source"]["condition"] == {"preference_left": 0.25, "preference_low": 0.75}
    twice = call(*arguments, "condition.preference=.25,.75", "condition.preference=1,0")
    assert twice.exit_code == 2
    assert "an evaluation is under one condition" in " ".join(twice.stderr.split())


def test_words_for_a_run_without_a_condition_are_refused(tmp_path):
    place = tmp_path / "plain.yaml"
    text = RUN.replace("  - override /condition: CONDITION\n", "").replace(
        "condition: {names: [left, low]SETTINGS}\n", ""
    )
    text = text.replace(f'{{_target_: "{CORNERS}:Corners", side: 4, by: CONDITION}}', "{beta: 1.0}")
    place.write_text(f"{text}output: {tmp_path / 'runs'}\n")
    assert call("train", place, "trainer.iterations=1").exit_code == 0
    for word in ("condition.temperature=4", "condition=drawn"):
        result = call("sample", tmp_path / "runs", "-n", 3, word, "-o", tmp_path / "x.csv")
        assert result.exit_code == 2, result.output
        assert "nothing was trained under a condition here" in result.stderr
    assert call("sample", tmp_path / "runs", "-n", 3, "-o", tmp_path / "x.csv").exit_code == 0


LEARNED = """
condition:
  names: [left, low]
  directions: {_target_: molgfn.conditions.directions.LearnedDirections, resolution: 6, start: 0.25, end: 0.75}
"""


def learned(folder, iterations):
    text = RUN.replace("CONDITION", "goal").replace("condition: {names: [left, low]SETTINGS}\n", LEARNED)
    place = folder / "goal.yaml"
    place.write_text(f"{text}output: {folder / 'runs'}\n")
    return checked(str(place), [f"trainer.iterations={iterations}", "data.batch_size=16", "trainer.log_every=1"])


class Stop(pl.Callback):
    """Ends a run early, as a signal does."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.datamodule.iteration == 4:
            trainer.should_stop = True


def test_learned_goals_are_saved_gone_on_with_and_sampled_from(tmp_path):
    config = learned(tmp_path, 8)
    whole = train(config)
    part = train(config, callbacks=[Stop()])
    assert part.iteration == 4
    rest = train(config, resume=part.checkpoint)
    one, other = (read(r.checkpoint) for r in (whole, rest))
    tables = [content["TrajectoryDataModule"]["condition"] for content in (one, other)]
    assert tables[0]["drawn_from"] is True
    assert tables[0]["asked"].sum() == 16 * 4  # batches 2 to 5 of 0 to 7
    for name in ("asked", "reached"):
        assert torch.equal(tables[0][name], tables[1][name])
    assert all(torch.equal(one["state_dict"][name], other["state_dict"][name]) for name in one["state_dict"])
    assert rest.folder == part.folder
    assert rest.iteration == 8
    directions = load(whole.checkpoint, trust=[str(CORNERS)]).environment.given.directions
    assert torch.equal(directions.asked, tables[0]["asked"])
    drawn = molgfn.sample(whole, 50, condition="drawn", values=False).table
    values = torch.tensor(drawn[["goal_left", "goal_low"]].to_numpy())
    torch.testing.assert_close(values, directions.cells[directions.cell_of(values)])


def test_names_that_the_oracle_cannot_give_are_asked_for(tmp_path):
    place = experiment(tmp_path, "preference")
    result = call("train", place, "condition.names=null", "trainer.iterations=1")
    assert result.exit_code == 2
    assert "condition.names: null takes the objectives of the run's oracle, but HyperGrid has no components" in (
        " ".join(result.stderr.split())
    )
    with pytest.raises(ConfigError, match="names: should be"):
        molgfn.train(str(place), "condition.names=left", "trainer.iterations=1")
