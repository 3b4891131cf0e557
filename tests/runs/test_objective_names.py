"""Conditions about objectives take their names from the run's oracle, and the config says so from then on."""

import pytest

from molgfn.errors import ConfigError
from molgfn.runs.objective_names import with_objective_names

PREFERENCE = {"_target_": "molgfn.conditions.preference.Preference", "names": None}
GOAL = {"_target_": "molgfn.conditions.goal.Goal"}
TEMPERATURE = {"_target_": "molgfn.conditions.temperature.Temperature"}
QED = {"_target_": "molgfn.oracles.properties.qed.QED"}
ORACLE = {
    "_target_": "molgfn.rewards.weighted_mean.WeightedMean",
    "components": {"qed": {"oracle": QED}, "clean": {"oracle": QED, "filter": True}, "sa": {"oracle": QED}},
}


@pytest.mark.parametrize("condition", [PREFERENCE, GOAL])
def test_names_are_those_that_are_no_filter(condition):
    config = {"oracle": ORACLE, "condition": condition, "seed": 1}
    found = with_objective_names(config)
    assert found == {**config, "condition": {**condition, "names": ["qed", "sa"]}}
    assert config["condition"] == condition  # it is a copy that has them
    assert with_objective_names(found) == found


def test_names_are_found_within_several():
    several = {
        "_target_": "molgfn.conditions.several.Several",
        "conditions": {"temperature": TEMPERATURE, "preference": PREFERENCE},
    }
    found = with_objective_names({"oracle": ORACLE, "condition": several})["condition"]
    assert found["conditions"] == {"temperature": TEMPERATURE, "preference": {**PREFERENCE, "names": ["qed", "sa"]}}


@pytest.mark.parametrize("condition", [None, TEMPERATURE, {**PREFERENCE, "names": ["x", "y"]}])
def test_what_needs_no_names_stays_as_it_is(condition):
    config = {"oracle": QED, "condition": condition}
    assert with_objective_names(config) == config


@pytest.mark.parametrize(
    ("oracle", "says"),
    [
        (QED, "null takes the objectives of the run's oracle, but QED has no components; take an oracle of several"),
        ({**ORACLE, "components": {"qed": {"oracle": QED}}}, "but WeightedMean has only qed; two are the least"),
        ({**ORACLE, "components": {"a": {"oracle": QED, "filter": True}}}, "has only filters; two are the least"),
    ],
)
def test_an_oracle_without_several_objectives_is_refused(oracle, says):
    with pytest.raises(ConfigError, match=says):
        with_objective_names({"oracle": oracle, "condition": PREFERENCE})
