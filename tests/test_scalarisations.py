"""A scalarisation that is chosen by name: where it goes, and what is refused before the first step."""

import numpy as np
import pytest

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
            "OrderPreserving compares all objects of a batch",
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
        (["oracle=two", "scalarisation=goal"], "such as scalarisation=weighted_sum"),
        (["oracle=qed", "scalarisation=weighted_sum"], "WeightedSum is chosen, but the oracle makes no use"),
    ],
)
def test_molecules_of_a_file_carry_no_condition(two, overrides, match):
    with pytest.raises(ConfigError, match=match):
        ScoreColumns.chosen(overrides)


def test_the_order_is_kept_with_what_is_stored(tmp_path):
    run = train(
        composed(
            *("scalarisation=pareto", "objective=order_preserving", "data=replay", "data.batch_size=8"),
            *("trainer.iterations=3", "trainer.progress=none", "logger.wandb=off", f"output={tmp_path}"),
        )
    )
    assert run.iteration == 3
