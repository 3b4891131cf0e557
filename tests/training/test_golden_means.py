"""Trajectory balance reaches the exact target on the golden DAG whatever off-policy means its batches come from."""

import pytest
from tests.training.golden_training import train_on_golden

from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.sources.explored import Explored
from molgfn.trajectories.sources.local_search import LocalSearch
from molgfn.trajectories.sources.on_policy import OnPolicy
from molgfn.trajectories.sources.replay import PrioritisedReplay

MEANS = {
    "tempered": [Explored(temperature=2.0)],
    "local search": [OnPolicy(), LocalSearch(rounds=3)],
    "metropolis": [OnPolicy(), LocalSearch(rounds=3, accept="metropolis", cut="random")],
    "all": [Explored(epsilon=0.1), LocalSearch(rounds=3), PrioritisedReplay(share=0.5, capacity=9)],
    "partly explored": [OnPolicy(), Explored(share=0.25, epsilon=0.5)],
}


@pytest.mark.slow
@pytest.mark.parametrize("means", MEANS)
def test_the_target_is_reached(means):
    tv, _ = train_on_golden(TrajectoryBalance(), sources=Sources(batch_size=16, sources=MEANS[means]))
    assert tv < 0.01
