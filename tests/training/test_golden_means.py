"""Trajectory balance reaches the exact target on the golden DAG whatever off-policy means its batches come from."""

import pytest
from tests.training.golden_training import train_on_golden

from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.policies.exploration import Exploration
from molgfn.trajectories.local_search import LocalSearch
from molgfn.trajectories.replay import PrioritisedReplay
from molgfn.trajectories.sources import Sources

MEANS = {
    "tempered": {"exploration": Exploration(temperature=2.0)},
    "local search": {"local_search": LocalSearch(rounds=3)},
    "metropolis": {"local_search": LocalSearch(rounds=3, accept="metropolis", cut="random")},
    "all": {
        "exploration": Exploration(epsilon=0.1),
        "replay": PrioritisedReplay(capacity=9),
        "replay_share": 0.5,
        "local_search": LocalSearch(rounds=3),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("means", MEANS)
def test_the_target_is_reached(means):
    tv, _ = train_on_golden(TrajectoryBalance(), sources=Sources(batch_size=16, **MEANS[means]))
    assert tv < 0.01
