"""Identities that hold exactly for the exact policy of a torus, and what is estimated of others, against quadrature."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from tests.environments.continuous.solved_torus import KAPPA, LOG_Z, MEAN, SolvedTorus, log_reward

from molgfn.config import build
from molgfn.environments.continuous.torus import Torus
from molgfn.evaluation.terminal_probability import log_terminal_probability
from molgfn.objectives.base import Objective
from molgfn.policies.densities.families import VonMises
from molgfn.trajectories.evaluate import evaluate, evaluate_and_anchor
from molgfn.trajectories.quantities.divergences import KL, KLOld
from molgfn.trajectories.sampler import Sampler

CONFIGS = Path(__file__).parents[3] / "configs" / "objective"


@pytest.fixture(scope="module")
def environment():
    return Torus(dimensions=2, steps=3)


@pytest.fixture(scope="module")
def policy(environment):
    return SolvedTorus(environment=environment)


@pytest.fixture(scope="module")
def trajectories(environment, policy):
    """Off-policy ones: all angles are uniform."""
    shifted = policy.copy()
    with torch.no_grad():
        shifted.shift += 1.0
    drawn = Sampler(environment).forward(shifted, 64, generator=torch.Generator().manual_seed(0))
    return replace(drawn, log_reward=log_reward(drawn.terminal.angle))


@pytest.mark.parametrize("name", ["tb", "db", "subtb", "vargrad", "soft_dqn", "pcl"])
def test_balance_holds_to_the_last_digit(name, policy, trajectories):
    objective = build(yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()), Objective, "objective")
    quantities = [q for phase in objective.phases() for q in phase.quantities]
    output = objective(evaluate(trajectories, policy, quantities=quantities))
    assert {key: float(loss.value.detach()) for key, loss in output.losses.items()} == pytest.approx(
        dict.fromkeys(output.losses, 0), abs=1e-18
    )


def test_backward_trajectories_are_as_likely_as_the_object(environment, policy):
    points = torch.tensor([[0.1, 0.2], [2.0, -3.0], [0.7, -2.0]], dtype=torch.float64)
    found = log_terminal_probability(environment, policy, points, samples=2)
    torch.testing.assert_close(found.log_p, log_reward(points) - LOG_Z, rtol=0, atol=1e-9)
    assert found.standard_error.max() < 1e-9


def test_states_that_may_stop_at_any_time_share_the_reward():
    environment = Torus(dimensions=1, steps=4, stops=True)
    points = torch.tensor([[0.5]], dtype=torch.float64)
    states, weight = zip(*(environment.terminal_draws(points, seed) for seed in range(40)), strict=True)
    assert {int(s.clock) for s in states} == {1, 2, 3, 4}
    assert {float(w) for w in weight} == {math.log(4)}
    assert float(environment.log_symmetry(states[0], points)) == math.log(4)


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_log_p_of_an_object_is_that_of_the_quadrature_over_what_came_before(shift):
    """One angle, two turns: P_T(x) is an integral over the angle in between."""
    environment = Torus(dimensions=2, steps=2)
    policy = SolvedTorus(environment=environment)
    with torch.no_grad():
        policy.shift += shift
    point = torch.tensor([[0.3, 1.0]], dtype=torch.float64)
    n = 2000
    x = -math.pi + (torch.arange(n, dtype=torch.float64) + 0.5) * (2 * math.pi / n)
    last = [VonMises().log_prob(point[:, i] - x, MEAN[i] - x + shift, KAPPA[i]).exp().mean().log() for i in range(2)]
    found = log_terminal_probability(environment, policy, point, samples=2)
    assert float(found.log_p) == pytest.approx(float(sum(last)), abs=1e-9)


def test_sampled_divergences_estimate_the_exact_ones(environment, policy):
    n = 4000
    drawn = Sampler(environment).forward(policy, n, generator=torch.Generator().manual_seed(1))
    drawn = replace(drawn, log_reward=log_reward(drawn.terminal.angle))
    _, anchor = evaluate_and_anchor(drawn, policy, quantities=())
    other = policy.copy()
    with torch.no_grad():
        other.shift += 0.3
    found = evaluate(drawn, other, quantities=(KL, KLOld), anchor=anchor)
    x = -math.pi + (torch.arange(2000, dtype=torch.float64) + 0.5) * (2 * math.pi / 2000)
    now = VonMises().log_prob(x[:, None], 0.3 + torch.zeros(2).double(), KAPPA)
    old = VonMises().log_prob(x[:, None], torch.zeros(2).double(), KAPPA)
    exact = {
        KL: ((now.exp() * (now - old)).mean(0) * 2 * math.pi).sum(),
        KLOld: ((old.exp() * (old - now)).mean(0) * 2 * math.pi).sum(),
    }
    for quantity, value in exact.items():
        total = found[quantity].sum(1).detach()
        assert (found[quantity] >= 0).all()
        assert float(total.mean()) == pytest.approx(float(value), abs=4 * float(total.std()) / math.sqrt(n))


def test_at_the_anchor_divergences_and_their_gradients_are_zero(trajectories, policy):
    _, anchor = evaluate_and_anchor(trajectories, policy, quantities=())
    found = evaluate(trajectories, policy, quantities=(KL, KLOld), anchor=anchor)
    total = found[KL].sum() + found[KLOld].sum()
    (gradient,) = torch.autograd.grad(total, policy.shift)
    assert (float(total.detach()), float(gradient)) == (0.0, 0.0)
