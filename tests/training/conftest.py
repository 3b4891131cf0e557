"""Small runs as plain configs."""

import pytest

AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]
SYMMETRIC = [["C", [0]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["C1CNCCN1", [2, 5]]]


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


def run_config(tmp_path, **changes):
    """A run on small fragments; ``changes`` replace whole nodes."""
    config = {
        "name": "test",
        "seed": 0,
        "output": str(tmp_path),
        "environment": node("environments.fragments.Fragments", vocabulary=AMBIGUOUS, max_fragments=4),
        "oracle": node("oracles.qed.QED"),
        "reward": node("rewards.power.Power", beta=4.0),
        "policy": node("policies.graph.GraphTransformerPolicy", width=32, layers=2),
        "objective": node("objectives.trajectory_balance.TrajectoryBalance"),
        "backward": node("objectives.backward.uniform.Uniform"),
        "data": node("trajectories.mixture.Sources", batch_size=8),
        "optimizer": node("training.optimizers.Optimizers"),
        "trainer": node(
            "training.trainer.TrainerSettings", iterations=6, accelerator="cpu", threads=1, log_every=1, progress="none"
        ),
        "logger": node("training.loggers.Loggers", wandb="off"),
        "evaluation": node("evaluation.settings.EvaluationSettings", samples=32, log_pt_objects=8, log_pt_samples=2),
    }
    return {**config, **changes}


@pytest.fixture
def config(tmp_path):
    return lambda **changes: run_config(tmp_path, **changes)
