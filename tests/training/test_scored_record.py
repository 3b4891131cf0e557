"""The budget ends a run cleanly, and every evaluated object is on record."""

import csv
import sqlite3

import numpy as np
import pandas as pd
import pytest
import torch

from molgfn.errors import ConfigError
from molgfn.experiment import train
from molgfn.rewards.base import Scores
from molgfn.serving.counters import BUDGET_SPENT
from molgfn.training.logs.scored_record import ScoredRecord

from .conftest import node


def table(path):
    with sqlite3.connect(path) as connection:
        return pd.read_sql("SELECT * FROM scored ORDER BY call", connection)


def scores(values, problems=None, **components):
    value = torch.tensor(values, dtype=torch.float64)
    return Scores(
        log_reward=value.nan_to_num(0.0).add(1.0).log(),
        value=value,
        components={k: torch.tensor(v, dtype=torch.float64) for k, v in components.items()},
        problems=problems or [None] * len(values),
    )


def test_one_row_per_object_in_order_of_the_calls(tmp_path):
    record = ScoredRecord(tmp_path / "scored.sqlite")
    nan = float("nan")
    record.add(1, ["C", "CC", "C", ""], ["policy"] * 4, scores([1.0, 2.0, 1.0, nan], [None, None, None, "valence"]))
    record.add(
        2, ["O", "CC", "N", "F"], ["replay"] * 4, scores([nan, 2.0, 3.0, nan], ["hangs", None, None, BUDGET_SPENT])
    )
    rows = table(tmp_path / "scored.sqlite")
    assert rows["call"].tolist() == [1, 2, 3, 4]
    assert rows["key"].tolist() == ["C", "CC", "O", "N"]
    assert rows["iteration"].tolist() == [1, 1, 2, 2]
    assert rows["source"].tolist() == ["policy", "policy", "replay", "replay"]
    assert rows["problem"].fillna("").tolist() == ["", "", "hangs", ""]
    assert rows["value"].fillna(-1).tolist() == [1.0, 2.0, -1.0, 3.0]
    assert rows["log_reward"].isna().tolist() == [False, False, True, False]


def test_components_get_columns_of_their_own_and_a_run_that_goes_on_forgets_what_came_after(tmp_path):
    path = tmp_path / "scored.sqlite"
    ScoredRecord(path).add(1, ["C"], ["policy"], scores([1.0], qed=[0.5], **{'odd "name"': [2.0]}))
    ScoredRecord(path).add(2, ["CC"], ["policy"], scores([1.0], qed=[0.25], sa=[3.0]))
    record = ScoredRecord(path)
    record.forget_after(1)
    record.add(2, ["CCC"], ["policy"], scores([1.0], qed=[0.125], sa=[4.0]))
    rows = table(path)
    assert rows["key"].tolist() == ["C", "CCC"]
    assert rows["call"].tolist() == [1, 2]
    assert rows["qed"].tolist() == [0.5, 0.125]
    assert rows["sa"].fillna(0).tolist() == [0, 4.0]
    assert rows['odd "name"'].fillna(0).tolist() == [2.0, 0]


def test_the_condition_is_on_record_and_an_older_file_goes_on(tmp_path):
    path = tmp_path / "scored.sqlite"
    ScoredRecord(path).add(1, ["C"], ["policy"], scores([1.0], qed=[0.5]))  # from before there was a condition
    beta = torch.tensor([2.0, 8.0], dtype=torch.float64)
    ScoredRecord(path).add(2, ["C", "CC"], ["policy"] * 2, scores([1.0, 3.0], qed=[0.5, 0.25]), {"beta": beta})
    rows = table(path)
    assert rows["key"].tolist() == ["C", "CC"]
    assert rows["condition_beta"].fillna(0).tolist() == [0, 8.0]
    assert rows["qed"].tolist() == [0.5, 0.25]


def test_a_run_under_conditions_keeps_what_each_object_was_built_under(config):
    run = train(
        config(condition=node("conditions.temperature.Temperature"), reward=node("rewards.power.Power", beta=None))
    )
    rows = table(run.folder / "scored.sqlite")
    assert rows["condition_beta"].between(1, 64).all()
    assert rows["condition_beta"].nunique() == len(rows)
    expected = rows["condition_beta"] * np.log(np.maximum(rows["value"], 1e-4))
    np.testing.assert_allclose(rows["log_reward"], expected)


def test_a_component_that_is_called_as_the_record_calls_a_condition_is_refused(config):
    part = node("rewards.weighted_mean.Component", oracle=node("oracles.qed.QED"))
    changes = config(
        condition=node("conditions.temperature.Temperature"),
        reward=node("rewards.power.Power", beta=None),
        oracle=node("rewards.weighted_mean.WeightedMean", components={"condition_beta": part}),
    )
    with pytest.raises(ConfigError, match="calls a condition condition_beta"):
        train(changes)


def test_a_place_that_cannot_be_written_costs_the_record_and_not_the_run(tmp_path, caplog):
    (tmp_path / "scored.sqlite").mkdir()
    record = ScoredRecord(tmp_path / "scored.sqlite")
    record.add(1, ["C"], ["policy"], scores([1.0]))
    record.add(2, ["CC"], ["policy"], scores([1.0]))
    assert len([r for r in caplog.records if "no longer recorded" in r.message]) == 1


def test_rows_wait_while_the_disk_is_full(tmp_path, caplog):
    record = ScoredRecord(tmp_path / "scored.sqlite")
    record.add(1, ["C"], ["policy"], scores([1.0]))
    record._open([]).execute("PRAGMA max_page_count=1")  # it cannot grow
    many = [f"{i}" * 200 for i in range(100, 140)]
    for iteration in (2, 3):
        record.add(iteration, [f"{key}{iteration}" for key in many], ["policy"] * 40, scores([1.0] * 40))
    record._open([]).execute("PRAGMA max_page_count=1000000")
    record.add(4, ["O"], ["policy"], scores([3.0]))
    rows = table(tmp_path / "scored.sqlite")
    assert rows["iteration"].tolist() == [1, *[2] * 40, *[3] * 40, 4]
    assert rows["call"].tolist() == list(range(1, 83))
    assert len([r for r in caplog.records if "they are kept until they can" in r.message]) == 1


def test_a_run_ends_when_its_budget_is_spent_and_everything_scored_is_on_record(config):
    changes = config(scoring=node("rewards.settings.Scoring", budget=30))
    changes["trainer"] |= {"iterations": 1000}
    run = train(changes)
    rows = table(run.folder / "scored.sqlite")
    assert len(rows) == 30
    assert not run.interrupted
    assert run.iteration < 100
    counters = run.experiment.reward.counters
    assert counters.unique == 30
    assert run.checkpoint.is_file()
    assert rows["value"].between(0, 1).all()
    assert rows["qed"].equals(rows["value"])
    assert rows["call"].tolist() == list(range(1, 31))
    assert rows["iteration"].is_monotonic_increasing
    with (run.folder / "metrics.csv").open() as file:
        last = list(csv.DictReader(file))[-1]  # also what came after the last full row, in a batch not trained on
    calls = (counters.raw, counters.cached, counters.disk, counters.failed, counters.unique)
    assert tuple(float(last[f"oracle/{k}"]) for k in ("calls", "cached", "disk", "failed", "unique")) == calls
    more = {**changes, "scoring": {**changes["scoring"], "budget": 40}}
    longer = train(more, resume=run.checkpoint)
    again = table(longer.folder / "scored.sqlite")
    assert len(again) == 40
    assert again["key"].tolist()[:20] == rows["key"].tolist()[:20]


def test_states_on_the_way_are_on_record_where_an_objective_scores_them(config):
    objective = node("objectives.modified_detailed_balance.ModifiedDetailedBalance", flow_without_stop=True)
    run = train(config(objective=objective))
    rows = table(run.folder / "scored.sqlite")
    assert set(rows["source"]) == {"policy", "state"}
    assert len(rows) == run.experiment.reward.counters.unique


def test_no_record_where_none_is_wanted(config):
    run = train(config(scoring=node("rewards.settings.Scoring", record=False)))
    assert not (run.folder / "scored.sqlite").exists()
