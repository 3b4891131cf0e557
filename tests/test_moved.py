"""Classes that have moved are found under the names that configs and checkpoints were written with."""

import importlib
import importlib.util

import pytest

from molgfn.class_paths import import_class
from molgfn.moved import MOVED, former, present


@pytest.mark.parametrize(("then", "now"), MOVED.items())
def test_a_moved_module_is_there_and_the_old_name_is_free(then, now):
    assert importlib.util.find_spec(f"molgfn.{now}") is not None
    try:
        old = importlib.util.find_spec(f"molgfn.{then}")
    except ModuleNotFoundError:
        return
    assert old is None or old.submodule_search_locations is not None, "a module of the old name would be meant"


def test_an_old_path_is_the_class_where_it_is_now():
    new = import_class("molgfn.objectives.balance.trajectory_balance.TrajectoryBalance")
    assert import_class("molgfn.objectives.trajectory_balance.TrajectoryBalance") is new
    assert import_class("molgfn.objectives.trajectory_balance.TrajectoryBalance", ("molgfn.",)) is new


def test_configs_are_translated_to_the_leaf_and_back():
    old = {
        "oracle": {
            "_target_": "molgfn.rewards.weighted_mean.WeightedMean",
            "components": {"a": {"oracle": {"_target_": "molgfn.oracles.qed.QED"}}},
        },
        "more": [{"_target_": "mine.oracles.qed.QED"}, {"_target_": "molgfn.oracles.sa.SA"}, "molgfn.oracles.sa.SA"],
    }
    new = present(old)
    assert new["oracle"]["components"]["a"]["oracle"]["_target_"] == "molgfn.oracles.properties.qed.QED"
    assert [x["_target_"] for x in new["more"][:2]] == ["mine.oracles.qed.QED", "molgfn.oracles.properties.sa.SA"]
    assert new["more"][2] == "molgfn.oracles.sa.SA", "only paths of classes are translated"
    assert former(new) == old
    assert present(new) == new
