"""Networks reach the exact distribution: over molecules on enumerated fragments, over points on the hypergrid."""

import importlib.util
from pathlib import Path

import pytest

from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.experiment import train

spec = importlib.util.spec_from_file_location("small_runs", Path(__file__).with_name("conftest.py"))
small = importlib.util.module_from_spec(spec)
spec.loader.exec_module(small)
node = small.node

OBJECTIVES = {
    "tb": node("objectives.trajectory_balance.TrajectoryBalance"),
    "db": node("objectives.detailed_balance.DetailedBalance"),
    "subtb": node("objectives.subtrajectory_balance.SubTrajectoryBalance"),
}


def total_variation(config):
    e = train(config).experiment
    return exact_distribution(e.environment, e.policy, e.reward).tv


@pytest.mark.slow
@pytest.mark.parametrize("vocabulary", [small.SYMMETRIC, small.AMBIGUOUS], ids=["symmetric", "ambiguous"])
@pytest.mark.parametrize(
    ("objective", "precision"), [*((objective, "32-true") for objective in OBJECTIVES), ("tb", "bf16-products")]
)
def test_fragments_over_molecules(tmp_path, vocabulary, objective, precision):
    config = small.run_config(
        tmp_path,
        environment=node("environments.fragments.Fragments", vocabulary=vocabulary, max_fragments=4),
        objective=OBJECTIVES[objective],
        policy=node("policies.graph.GraphTransformerPolicy", width=64, layers=3),
        data=node("trajectories.mixture.Sources", batch_size=64),
        optimizer=node("training.optimizers.Optimizers", lr=3e-3, lr_log_z=0.05, half_life=1200),
        trainer=node(
            "training.trainer.TrainerSettings",
            iterations=6000,
            accelerator="cpu",
            threads=1,
            progress="lines",
            precision=precision,
        ),
    )
    assert total_variation(config) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("objective", ["tb", "db"])
def test_hypergrid(tmp_path, objective, seed):
    """16 x 16, R0 = .1, batch 16, 2,000 iterations."""
    config = small.run_config(
        tmp_path,
        seed=seed,
        environment=node("environments.hypergrid.HyperGrid", dimensions=2, side=16),
        oracle=node("oracles.hypergrid.HyperGrid", dimensions=2, side=16, r0=0.1),
        reward=node("rewards.power.Power"),
        policy=node("policies.mlp.MLPPolicy"),
        objective=OBJECTIVES[objective],
        data=node("trajectories.mixture.Sources", batch_size=16),
        trainer=node(
            "training.trainer.TrainerSettings", iterations=2000, accelerator="cpu", threads=1, progress="none"
        ),
    )
    assert total_variation(config) <= 0.05


def test_a_small_grid_is_learned_quickly(tmp_path):
    """The whole path in CI: 4 x 4 grid, tabular, 300 iterations; the untrained sampler is far off."""
    config = small.run_config(
        tmp_path,
        environment=node("environments.hypergrid.HyperGrid", dimensions=2, side=4),
        oracle=node("oracles.hypergrid.HyperGrid", dimensions=2, side=4, r0=0.1),
        reward=node("rewards.power.Power"),
        policy=node("policies.tabular.TabularPolicy"),
        data=node("trajectories.mixture.Sources", batch_size=32),
        optimizer=node("training.optimizers.Optimizers", lr=0.05),
    )
    config["trainer"] |= {"iterations": 1}
    before = total_variation(config)
    config["trainer"] |= {"iterations": 300}
    after = total_variation(config)
    assert before > 0.3
    assert after < 0.03
