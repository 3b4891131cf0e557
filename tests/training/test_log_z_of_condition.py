"""log Z(c) of one run is the exact log Z of twenty conditions, and P_T the target of each, where both can be listed."""

import pytest
import torch

from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.experiment import train

from .conftest import AMBIGUOUS, node, run_config


def conditional_run(tmp_path, low, high, iterations, batch, half_life=None, lr=1e-3, **parts):
    return run_config(
        tmp_path,
        condition=node(
            "conditions.temperature.Temperature", beta=node("conditions.draws.LogUniform", low=low, high=high)
        ),
        reward=node("rewards.power.Power", beta=None),
        data=node("trajectories.mixture.Sources", batch_size=batch),
        optimizer=node("training.optimizers.Optimizers", lr=lr, half_life=half_life),
        trainer=node(
            "training.trainer.TrainerSettings", iterations=iterations, accelerator="cpu", threads=1, progress="none"
        ),
        **parts,
    )


def grid(side, **policy):
    return {
        "environment": node("environments.hypergrid.HyperGrid", dimensions=2, side=side),
        "oracle": node("oracles.hypergrid.HyperGrid", dimensions=2, side=side, r0=0.1),
        "policy": node("policies.mlp.MLPPolicy", **policy),
    }


def found(config, conditions=20):
    """(beta, log Z(beta) - exact log Z, TV) at the middles of equal shares of the draws."""
    e = train(config).experiment
    shares = (torch.arange(conditions, dtype=torch.float64) + 0.5) / conditions
    rows = []
    for beta in e.environment.given.beta.value(shares).tolist():
        here, policy = e.environment.at({"beta": beta}), e.policy.copy()
        policy.environment = here
        exact = exact_distribution(here, policy, e.reward)
        rows.append((beta, float(policy.log_z_of(here.initial(1)).detach()) - exact.log_z, exact.tv))
    return rows


def assert_near(rows, log_z, tv):
    shown = "; ".join(f"beta {beta:.3g}: log Z {error:+.3f}, TV {far:.3f}" for beta, error, far in rows)
    assert max(abs(error) for _, error, _ in rows) < log_z, shown
    assert max(far for *_, far in rows) < tv, shown
    print(shown)


def test_a_small_grid_is_learned_quickly(tmp_path):
    rows = found(conditional_run(tmp_path, 0.5, 2.0, 300, 64, 80, 1e-2, **grid(3, hidden=32, layers=1)))
    assert_near(rows, 0.03, 0.05)


@pytest.mark.slow
def test_a_grid_of_steep_modes(tmp_path):
    """8 x 8, four modes, beta up to 64, with the defaults but for a rate that falls; the flattest is learned last."""
    assert_near(found(conditional_run(tmp_path, 1.0, 64.0, 3000, 64, 1000, **grid(8))), 0.05, 0.08)


@pytest.mark.slow
def test_molecules(tmp_path):
    """Fragments of which several trees are one molecule, beta up to 32."""
    environment = node("environments.fragments.Fragments", vocabulary=AMBIGUOUS, max_fragments=3)
    config = conditional_run(tmp_path, 1.0, 32.0, 2000, 64, 500, 3e-3, environment=environment)
    assert_near(found(config), 0.05, 0.03)
