"""A scalarisation that is chosen by name: where it goes, and what is refused before the first step."""

import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from molgfn.api.evaluating import evaluate
from molgfn.api.scoring import ScoreColumns, score
from molgfn.composing.compose import checked
from molgfn.errors import ConfigError
from molgfn.experiment import assemble, train
from molgfn.rewards.aggregations.weighted import Chebyshev, WeightedSum

GRID = ["hypergrid/tb", "oracle=grid_objectives", "environment.side=4"]
#: an oracle of two objectives that needs no file
TWO = """\
_target_: molgfn.rewards.objectives.Objectives
scalarisation: ${scalarisation}
components:
  qed:
    _target_: molgfn.rewards.components.Component
    oracle: {_target_: molgfn.oracles.properties.qed.QED}
  sa:
    _target_: molgfn.rewards.components.Component
    oracle: {_target_: molgfn.oracles.properties.sa.SA}
    transform: {_target_: molgfn.rewards.transforms.Linear, low: 10.0, high: 1.0}
"""


def composed(*overrides):
    return checked(GRID[0], [*GRID[1:], *overrides])


def test_an_oracle_of_several_objectives_takes_the_one_that_is_chosen():
    assert isinstance(assemble(composed()).reward.oracle.scalarisation, WeightedSum)
    chosen = composed("scalarisation=chebyshev", "scalarisation.weights=components")
    assert isinstance(assemble(chosen).reward.oracle.scalarisation, Chebyshev)
    again = composed("scalarisation=chebyshev", "scalarisation=null")
    assert again["scalarisation"] is None


def test_a_study_of_before_there_were_scalarisations_knows_its_runs():
    assert checked("quickstart")["scalarisation"] is None  # what is null has no part in an identity


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        (
            ["oracle=hypergrid", "scalarisation=chebyshev"],
            "scalarisation: Chebyshev is chosen, but the oracle makes no",
        ),
        (["scalarisation=chebyshev"], "reads the condition `preference_branin`.*scalarisation.weights=components"),
        (["scalarisation=goal"], "reads the condition `goal_currin`.*take another scalarisation"),
        (["scalarisation=pareto"], "pareto makes no number of the objectives.*objective=order_preserving"),
        (["scalarisation=lexicographic", "scalarisation.order=[branin]"], "order: each of branin, currin should be"),
        (
            ["objective=order_preserving", "condition=temperature", "reward.beta=null"],
            "OrderPreserving compares trajectories",
        ),
        (
            ["scalarisation=pareto", "objective=order_preserving", "trainer.exact_every=100"],
            "trainer.exact_every: OrderPreserving leads to another distribution than R / Z.*leave it null",
        ),
    ],
)
def test_what_cannot_work_is_refused(overrides, match):
    with pytest.raises(ConfigError, match=match):
        assemble(composed(*overrides))


@pytest.fixture
def two(tmp_path, monkeypatch):
    """An oracle of a group beside where the command is given."""
    (tmp_path / "oracle").mkdir()
    (tmp_path / "oracle" / "two.yaml").write_text(TWO)
    monkeypatch.chdir(tmp_path)


def test_molecules_of_a_file_are_scored_by_fixed_weights(two):
    table = score(
        ["CCO", "c1ccccc1"], "oracle=two", "scalarisation=weighted_product", "scalarisation.weights=components"
    )
    qed, sa = table["qed"].to_numpy(), table["sa_transformed"].to_numpy()
    np.testing.assert_allclose(table["two"], np.sqrt(qed * sa), rtol=1e-12)
    assert {"qed", "qed_transformed", "sa", "problem"} <= set(table)
    default = score(["CCO"], "oracle=two", "reward=power")
    np.testing.assert_allclose(default["log_reward"], np.log((qed[:1] + sa[:1]) / 2), rtol=1e-12)


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        (
            ["oracle=two", "scalarisation=weighted_sum"],
            "`preference_qed`, which molecules of a file do not carry; take ",
        ),
        (["oracle=two", "scalarisation=weighted_sum", "reward=power"], "scalarisation.weights=components"),
        (["oracle=two", "scalarisation=goal"], "take a scalarisation that reads none"),
        (["oracle=qed", "scalarisation=weighted_sum"], "WeightedSum is chosen, but the oracle makes no use"),
    ],
)
def test_molecules_of_a_file_carry_no_condition(two, overrides, match):
    with pytest.raises(ConfigError, match=match):
        ScoreColumns.chosen(overrides)


def recorded(run):
    with closing(sqlite3.connect(run.folder / "scored.sqlite")) as database:
        return pd.read_sql("SELECT * FROM scored", database)


QUICK = ["data.batch_size=8", "trainer.iterations=4", "trainer.progress=none", "logger.wandb=off"]


@pytest.mark.parametrize("scalarisation", ["weighted_sum", "weighted_product", "chebyshev"])
def test_a_run_under_preferences_records_the_value_under_each_of_its_own(scalarisation, tmp_path):
    run = train(
        composed("condition=preference", f"scalarisation={scalarisation}", "data=replay", *QUICK, f"output={tmp_path}")
    )
    table = recorded(run)
    y = table[["branin", "currin"]].to_numpy()
    w = table[["condition_preference_branin", "condition_preference_currin"]].to_numpy()
    assert len(np.unique(w[:, 0])) > 5
    expected = {
        "weighted_sum": (w * y).sum(1),
        "weighted_product": np.prod(np.maximum(y, 1e-8) ** w, 1),
        "chebyshev": 1 - (w / w.max(1, keepdims=True) * (1 - y)).max(1),
    }[scalarisation]
    np.testing.assert_allclose(table["value"], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(table["log_reward"], np.log(np.maximum(expected, 1e-4)), rtol=1e-9, atol=1e-12)


def test_a_run_for_goals_looks_back_without_a_call(tmp_path):
    words = ["condition=goal", "scalarisation=goal", "data=replay", "data.sources.replay.hindsight=1.0"]
    run = train(composed(*words, *QUICK, f"output={tmp_path}"))
    table = recorded(run)
    y, d = (table[[f"{start}{n}" for n in ("branin", "currin")]].to_numpy() for start in ("", "condition_goal_"))
    cosine = (y * d).sum(1) / np.linalg.norm(y, axis=1)
    outside = cosine < 0.98
    assert outside.any()
    assert (table["log_reward"][outside] == np.log(1e-4)).all()
    inside = y.mean(1) * cosine ** (np.log(0.1) / np.log(0.98))
    np.testing.assert_allclose(table["value"], np.where(outside, 0.0, inside), rtol=1e-6, atol=1e-12)
    drawn = pd.read_csv(run.folder / "metrics.csv")["oracle/calls"].iloc[-1]
    assert drawn == 8 + 3 * 4  # half of each batch is drawn anew, once there is a store


def test_a_run_for_targets(tmp_path):
    near = "reward.transform={_target_: molgfn.rewards.transforms.Near, name: grid_function, width: 0.1}"
    words = ["oracle=grid_function", "condition=target", "condition.name=grid_function", near]
    run = train(composed(*words, *QUICK, f"output={tmp_path}"))
    table = recorded(run)
    away = (table["grid_function"] - table["condition_target_grid_function"]) / 0.1
    expected = np.log(np.maximum(np.exp(-(away**2) / 2), 1e-4))
    np.testing.assert_allclose(table["log_reward"], expected, rtol=1e-9, atol=1e-12)


def test_the_order_is_kept_with_what_is_stored(tmp_path):
    run = train(
        composed(
            *("scalarisation=pareto", "objective=order_preserving", "data=replay", "data.batch_size=8"),
            *("trainer.iterations=3", "trainer.progress=none", "logger.wandb=off", f"output={tmp_path}"),
        )
    )
    assert run.iteration == 3
    found = evaluate(run.folder, samples=20, untrained=False)
    assert not any(name.startswith("exact/") for name in found.metrics), "R is no target of it, so neither is R / Z"
    assert "leads to another distribution than R / Z" in found.evaluation.readings["exact/tv"].note
    assert "leads to another distribution than R / Z" in found.report.read_text()
