"""ELBO and EUBO by dynamic programming: by hand, at the optimum, and beside the same means over drawn trajectories."""

import math

import pytest
import torch
from tests.evaluation.test_evaluator import grid, perfect

from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.evaluation.evaluator import evaluate_policy
from molgfn.evaluation.exact.answers import exact_target
from molgfn.evaluation.exact.bounds import exact_bounds
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.evaluation.terminal_probability import backward_draws
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.policy_gradients.ent_ppo import EntPPO
from molgfn.oracles.own.table import Table
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.synthetic.string_modes import StringModes
from molgfn.policies.graph import MessagePassingPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.rewards.power import Power


def test_bounds_by_hand():
    """Two points: R is 1 where one stops at once, 3 after a step; P_F stops at once with probability a."""
    environment = HyperGrid(dimensions=1, side=2)
    reward = Power(oracle=Table(domain="grid", values={"0": 1.0, "1": 3.0}))
    policy, a = TabularPolicy(environment=environment).double(), 0.4
    with torch.no_grad():
        policy.forward_logits[0, environment.stop_action] = math.log(a / (1 - a))
    found = exact_bounds(policy, exact_target(environment, reward))
    assert found.elbo == pytest.approx(-a * math.log(a) + (1 - a) * math.log(3 / (1 - a)), abs=1e-12)
    assert found.eubo == pytest.approx(-0.25 * math.log(a) + 0.75 * math.log(3 / (1 - a)), abs=1e-12)
    assert found.elbo < math.log(4) < found.eubo


def test_both_bounds_are_log_z_where_the_flows_match():
    environment, _, reward = grid()
    target = exact_target(environment, reward)
    found = exact_bounds(perfect(environment, reward), target)
    assert (found.elbo, found.eubo) == pytest.approx((target.log_z, target.log_z), abs=1e-6)


def test_they_are_the_means_over_trajectories_also_with_a_learned_backward_policy():
    environment = Strings(alphabet="AB", length=4)
    reward = Boltzmann(oracle=StringModes(alphabet="AB", length=4, modes=["ABBA"]), beta=6)
    policy = TabularPolicy(environment=environment, learned_backward=True)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for logits in (policy.forward_logits, policy.backward_logits):
            logits.copy_(torch.randn(logits.shape, generator=generator))
    target = exact_target(environment, reward)
    found = exact_bounds(policy, target)
    drawn = evaluate_policy(environment, policy, reward, EvaluationSettings(samples=4000, log_pt_objects=0))
    assert drawn.readings["elbo"].value == pytest.approx(found.elbo, abs=4 * drawn.readings["elbo"].error)
    weights, _ = backward_draws(environment, policy, target.keys, samples=400, generator=generator)
    terms = target.log_reward[:, None] - weights
    mean, error = float((target.pi @ terms).mean()), float((target.pi @ terms).std()) / 20
    assert mean == pytest.approx(found.eubo, abs=4 * error)
    assert found.elbo < target.log_z < found.eubo


def test_molecules_that_several_trees_build():
    """The states that are listed stand for classes: P_B is asked at the state that a step really led to."""
    vocabulary = [["c1ccccc1", [0, 3], 1], ["C", [0], 1], ["CC", [0, 1], 1]]
    environment = Fragments(vocabulary=vocabulary, max_fragments=3)
    torch.manual_seed(0)
    policy = MessagePassingPolicy(environment=environment, width=16, layers=1, learned_backward=True)
    reward = Power(oracle=QED(), beta=4)
    found = exact_bounds(policy, exact_target(environment, reward))
    drawn = evaluate_policy(environment, policy, reward, EvaluationSettings(samples=1500, log_pt_objects=0)).readings
    assert drawn["elbo"].value == pytest.approx(found.elbo, abs=4 * drawn["elbo"].error)
    assert drawn["exact/elbo"].value == pytest.approx(found.elbo)
    assert found.elbo < drawn["exact/log_z"].value < found.eubo


def test_the_error_of_log_z_or_why_there_is_none():
    environment, policy, reward = grid()
    settings = EvaluationSettings(samples=8, log_pt_objects=0)
    with torch.no_grad():
        policy.log_z.constant.fill_(5.0)

    def said(objective):
        return evaluate_policy(environment, policy, reward, settings, objective=objective).readings["exact/log_z_error"]

    log_z = exact_target(environment, reward).log_z
    assert said(TrajectoryBalance).value == pytest.approx(5.0 - log_z, abs=1e-5)
    assert said(DetailedBalance).value is not None
    assert said(EntPPO).note == "the objective teaches the policy no log Z"
    assert "not known" in said(None).note
