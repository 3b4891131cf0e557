"""What every run may spend: it ends them, and what cannot be kept is refused before the first run."""

import json

import pandas as pd
import pytest
from tests.study.small import PLAN, SET, study, write

from molgfn.api.training import FinishedError, resume, train
from molgfn.study.running.performing import underspent

ONE = {"tasks": PLAN["tasks"][:1], "seeds": [0], "pictures": {}, "measures": ["tv", "reward_calls", "gradient_steps"]}


def spent(out, name):
    """Row -> what its run spent."""
    lines = (out / "small" / "results.jsonl").read_text().splitlines()
    return {record["row"]: record["values"][name] for record in map(json.loads, lines)}


def test_rows_of_different_batches_make_equally_many_reward_calls(tmp_path):
    rows = [{"name": "four"}, {"name": "eight", "set": "data.batch_size=8"}]
    ended = study(write(tmp_path, **{**ONE, "rows": rows, "budget": {"reward_calls": 32}}), "-o", tmp_path / "out")
    assert ended.exit_code == 0, ended.output
    assert spent(tmp_path / "out", "reward_calls") == {"four": 32, "eight": 32}
    assert spent(tmp_path / "out", "gradient_steps") == {"four": 8, "eight": 4}


def test_rows_of_different_epochs_take_equally_many_gradient_steps(tmp_path):
    rows = [{"name": "TB"}, {"name": "PPO", "set": "objective=ent_ppo objective.epochs=3 objective.critic_epochs=1"}]
    ended = study(write(tmp_path, **{**ONE, "rows": rows, "budget": {"gradient_steps": 24}}), "-o", tmp_path / "out")
    assert ended.exit_code == 0, ended.output
    steps = spent(tmp_path / "out", "gradient_steps")
    calls = spent(tmp_path / "out", "reward_calls")
    assert steps["TB"] == 24
    assert 24 <= steps["PPO"] < 24 + steps["PPO"] * 4 / calls["PPO"]  # the iteration that reached it is whole
    assert calls["PPO"] < calls["TB"]


def test_reward_calls_of_states_on_the_way_count(tmp_path):
    """Where batches cost different numbers of calls, the run ends with the one that reaches the budget."""
    rows = [{"name": "FL-DB", "set": "objective=fldb"}]
    ended = study(write(tmp_path, **{**ONE, "rows": rows, "budget": {"reward_calls": 60}}), "-o", tmp_path / "out")
    assert ended.exit_code == 0, ended.output
    assert 60 <= spent(tmp_path / "out", "reward_calls")["FL-DB"] < 60 + 4 * 5


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"budget": {"reward_calls": 30}}, "30 is no multiple of the 4 of a batch (data.batch_size); rows would not"),
        ({"set": f"{SET} trainer.iterations=9"}, "trainer.iterations=9: the study's budget says when a run ends"),
        (
            {"budget": {"seconds": 1.0}, "set": f"{SET} optimizer.cosine=${{trainer.iterations}}"},
            "leaves open how many iterations there are, which optimizer.cosine follows; give it a number",
        ),
        (
            {"compare": {"measures": ["log_z"]}},
            "compare.measures: log_z: nobody says which way it is better on task small",
        ),
        (
            {"tasks": [{**PLAN["tasks"][0], "scales": {"tv": {"worst": 0.0, "best": 1.0}}}]},
            "scales.tv: best 1 and worst 0 say maximise, but the metric is one to minimise",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_before_the_first_run(tmp_path, changes, says):
    refused = study(write(tmp_path, **{**ONE, **changes}), "-o", tmp_path / "out", "--check")
    assert refused.exit_code == 2
    assert says in refused.output.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_a_cosine_has_its_whole_course_where_batches_cost_the_same(tmp_path):
    path = write(tmp_path, **{**ONE, "set": f"{SET} optimizer.cosine=${{trainer.iterations}}"})
    assert study(path, "-o", tmp_path / "out", "--only", "TB").exit_code == 0
    (config,) = (tmp_path / "out").glob("small/runs/*/config.yaml")
    assert "cosine: 5\n" in config.read_text()


def test_a_run_that_ended_too_early_is_no_result(tmp_path):
    path = write(tmp_path, **{**ONE, "set": f"{SET} scoring.budget=3"})  # different objects
    ended = study(path, "-o", tmp_path / "out", "--only", "TB")
    assert ended.exit_code == 1
    assert "the run ended after" in ended.output
    assert not (tmp_path / "out" / "small" / "results.jsonl").exists()


def test_less_than_the_budget_is_said():
    assert underspent("seconds", 10.0, {"seconds": 10.5}) is None
    assert "ended after 5 of 10 seconds" in underspent("seconds", 10.0, {"seconds": 5.0})


def test_a_run_ends_by_time_and_says_so(tmp_path):
    (tmp_path / "base.yaml").write_text(write(tmp_path).with_name("base.yaml").read_text())
    words = [*SET.split(), "environment.side=3", "trainer.iterations=1000000000", f"output={tmp_path}"]
    run = train(tmp_path / "base.yaml", *words, "trainer.seconds=0.05")
    assert run.ended == "0.05 seconds"
    assert pd.read_csv(run.folder / "metrics.csv")["time/elapsed_seconds"].max() >= 0.05
    with pytest.raises(FinishedError, match=r"trainer.seconds=0.05 is reached; to go on: molgfn resume .*seconds=0.1"):
        resume(run)
    before = run.iteration
    further = resume(run, "trainer.seconds=null", f"trainer.iterations={before + 2}")
    assert (further.iteration, further.ended) == (before + 2, None)
