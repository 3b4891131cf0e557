"""A policy under several conditions: exact where the space can be listed, and told from one that ignores them."""

import csv
import json

import numpy as np
import pytest
import torch
from tests.evaluation.solved_policy import Solved

from molgfn.chemistry.molecules import parse
from molgfn.conditions.draws import LogUniform, Uniform
from molgfn.conditions.goal import Goal
from molgfn.conditions.preference import Preference
from molgfn.conditions.target import Target
from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional, drawn_condition, under
from molgfn.environments.hypergrid import HyperGrid
from molgfn.evaluation.by_condition.measured import focus, measure_conditions
from molgfn.evaluation.by_condition.readings import condition_readings
from molgfn.evaluation.by_condition.tables import object_table
from molgfn.evaluation.by_condition.targets import Targets
from molgfn.evaluation.evaluator import evaluate_policy
from molgfn.evaluation.exact.answers import exact_target
from molgfn.evaluation.files import write_evaluation
from molgfn.evaluation.metrics.base import Samples
from molgfn.evaluation.metrics.diversity.internal_diversity import InternalDiversity
from molgfn.evaluation.metrics.several_objectives.fronts import hypervolume
from molgfn.evaluation.report.page import write_report
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.forward_looking_detailed_balance import ForwardLookingDetailedBalance
from molgfn.objectives.balance.order_preserving import OrderPreserving
from molgfn.objectives.balance.relative_trajectory_balance import RelativeTrajectoryBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.divergences.reverse_kl import ReverseKL
from molgfn.objectives.policy_gradients.ent_ppo import EntPPO
from molgfn.objectives.policy_gradients.rl_uniform import RLUniform
from molgfn.objectives.soft_q.munchausen_dqn import MunchausenDQN
from molgfn.objectives.soft_q.random_policy_evaluation import RandomPolicyEvaluation
from molgfn.objectives.soft_q.soft_dqn import SoftDQN
from molgfn.objects.grid import GRID
from molgfn.objects.molecule import MOLECULE
from molgfn.oracles.base import Oracle
from molgfn.policies.mlp import MLPPolicy
from molgfn.rewards.aggregations.goal import Goal as Cone
from molgfn.rewards.aggregations.weighted import WeightedSum
from molgfn.rewards.grid_objectives import GridObjectives
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Near

SETTINGS = EvaluationSettings(
    samples=40, log_pt_objects=4, log_pt_samples=2, conditions=4, condition_samples=200, condition_log_pt_objects=20
)


class OfOnesOwn(ReverseKL):
    """An objective that is none of the shipped ones, and says that it learns flows."""

    learns_flow = True


class Slope(Oracle):
    """Another value for every point of a grid of side 5, from 1/25 to 1."""

    kind = GRID
    name = "slope"
    range = (0.0, 1.0)
    direction = "maximise"
    source = "this test"

    def values(self, objects):
        points = torch.as_tensor(objects).numpy()
        return (1.0 + 5 * points[:, 0] + points[:, 1]) / 25


def grid(side=5):
    temperature = Temperature(beta=LogUniform(low=0.5, high=8.0), reference=2.0)
    return conditional(HyperGrid(dimensions=2, side=side), temperature), Power(oracle=Slope(), beta=None)


def test_a_policy_that_is_exact_under_every_condition_reads_so():
    environment, reward = grid()
    found = measure_conditions(
        environment, Solved(environment, reward), reward, SETTINGS, objective=TrajectoryBalance()
    )
    assert len(found.rows) == 4
    assert len(set(found.column("beta").tolist())) == 4
    assert found.column("tv") == pytest.approx(np.zeros(4), abs=1e-6)
    assert found.column("log_z_error") == pytest.approx(np.zeros(4), abs=1e-5)
    assert found.column("log_z_importance") == pytest.approx(found.column("log_z"), abs=1e-5)
    assert found.column("elbo") == pytest.approx(found.column("log_z"), abs=1e-5)
    assert found.column("spearman").min() > 0.999
    for row in found.rows:
        assert row.numbers["log_z"] == pytest.approx(
            exact_target(environment.at(row.condition), reward).log_z, abs=1e-9
        )
        assert len(row.samples) == row.numbers["objects"] == 200
        assert row.numbers["mean_value"] == pytest.approx(row.samples.value.mean())
    readings = condition_readings(found)
    assert readings["by_condition/each/tv"].count == 4
    assert readings["by_condition/largest/tv"].value < 1e-6
    assert readings["by_condition/each/log_z_error"].value < 1e-5
    assert readings["by_condition/follows/beta"].value == 1.0, "the colder, the better"
    assert "by_condition/all/internal_diversity" not in readings, "points of a grid have no fingerprints"


def test_a_policy_that_ignores_the_condition_is_found_out():
    environment, reward = grid()
    settings = EvaluationSettings(conditions=5, condition_samples=400)
    found = measure_conditions(environment, Solved(environment, reward, always=(2.0,)), reward, settings)
    tv = found.column("tv")
    exact = Targets(environment.at(), reward, limit=1000)
    at_reference = exact.under(environment.at({"beta": 2.0})).pi
    expected = [(exact.under(environment.at(row.condition)).pi - at_reference).abs().sum() / 2 for row in found.rows]
    assert tv == pytest.approx(np.array([float(x) for x in expected]), abs=1e-6)
    assert tv.max() > 0.2
    assert found.why["log_z_error"] == "the objective teaches the policy no log Z of its own"
    assert condition_readings(found)["by_condition/each/log_z_error"].value is None


def test_a_space_is_scored_once_for_all_conditions():
    environment, reward = grid()
    targets = Targets(environment.at(), reward, limit=1000)
    asked = reward.counters.raw
    for beta in (0.6, 2.5, 7.0):
        here = environment.at({"beta": beta})
        found, alone = targets.under(here), exact_target(here, Power(oracle=Slope(), beta=beta))
        assert torch.equal(found.log_reward, alone.log_reward)
        assert found.keys == alone.keys
        assert (found.graph.states.values == beta).all()
    assert reward.counters.raw == asked == 25


@pytest.mark.parametrize(
    ("objective", "off"),
    [
        (TrajectoryBalance(), 0.3),
        (DetailedBalance(), 0.3),
        (SoftDQN(), 0.3),
        (RandomPolicyEvaluation, 0.3),
        (OfOnesOwn(), 0.3),
        (RLUniform, 0.3),
        (ForwardLookingDetailedBalance(), None),
        (MunchausenDQN(), None),
        (EntPPO(), None),
        (None, None),
    ],
)
def test_the_policys_own_log_z_is_read_where_its_objective_put_it(objective, off):
    environment, reward = grid(side=3)
    policy = Solved(environment, reward, log_z_off=0.3)
    found = measure_conditions(environment, policy, reward, SETTINGS, objective=objective)
    error = found.column("log_z_error")
    assert np.isnan(error).all() if off is None else error == pytest.approx(np.full(4, off), abs=1e-5)


@pytest.mark.parametrize("objective", [OrderPreserving(), RelativeTrajectoryBalance])
def test_what_leads_elsewhere_is_not_compared_with_the_target(objective):
    environment, reward = grid(side=3)
    policy = Solved(environment, reward)
    found = measure_conditions(environment, policy, reward, SETTINGS, objective=objective)
    readings = condition_readings(found)
    for key in ("tv", "log_z_error"):
        assert readings[f"by_condition/each/{key}"].value is None
        assert "leads to another distribution than R / Z" in readings[f"by_condition/each/{key}"].note
    assert np.isfinite(found.column("mean_value")).all(), "what was drawn is described all the same"
    evaluation = evaluate_policy(under(environment), policy, reward, SETTINGS, objective=objective)
    assert evaluation.exact is None
    assert "leads to another distribution than R / Z" in evaluation.readings["exact/tv"].note
    assert "exact/kl" not in evaluation.readings


def test_the_same_seed_gives_the_same_and_the_policy_stays_as_it_was():
    environment, reward = grid(side=3)
    torch.manual_seed(0)
    policy = MLPPolicy(environment=environment, hidden=8, layers=1).train()
    state = torch.get_rng_state()
    first, again, other = (
        condition_readings(measure_conditions(environment, policy, reward, SETTINGS, seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert policy.training
    assert torch.equal(torch.get_rng_state(), state)


def test_without_a_condition_or_where_none_are_asked_for_nothing_is_measured():
    environment, reward = grid(side=3)
    policy = MLPPolicy(environment=environment, hidden=8, layers=1)
    assert measure_conditions(environment, policy, reward, EvaluationSettings(conditions=0)) is None
    plain = HyperGrid(dimensions=2, side=3)
    unconditional = Power(oracle=Slope(), beta=1.0)
    assert measure_conditions(plain, MLPPolicy(environment=plain), unconditional, SETTINGS) is None
    assert drawn_condition(plain) is None
    assert environment.trained is under(environment, {"beta": 3.0}).trained is environment.given


def test_a_space_that_cannot_be_listed_is_compared_with_importance_sampling():
    environment, reward = grid()
    settings = EvaluationSettings(conditions=3, condition_samples=100, exact_limit=10, condition_log_pt_objects=0)
    found = measure_conditions(
        environment, Solved(environment, reward), reward, settings, objective=TrajectoryBalance()
    )
    readings = condition_readings(found)
    assert "more than 10 states" in readings["by_condition/each/tv"].note
    assert "condition_log_pt_objects=0" in readings["by_condition/each/spearman"].note
    assert "importance sampling" in readings["by_condition/each/log_z_error"].note
    assert readings["by_condition/each/log_z_error"].value < 1e-4, "exact flows have weights that are all Z"


def test_the_evaluation_of_a_conditional_run_has_it_beside_the_reference(tmp_path):
    environment, reward = grid()
    policy = Solved(environment, reward)
    before = reward.counters.raw
    evaluation = evaluate_policy(under(environment), policy, reward, SETTINGS, objective=TrajectoryBalance())
    assert evaluation.source["condition"] == {"beta": 2.0}
    assert evaluation.oracle["raw"] == reward.counters.raw - before
    assert evaluation.values()["exact/tv"] < 1e-6
    assert evaluation.values()["by_condition/each/tv"] < 1e-6
    folder = write_evaluation(evaluation, tmp_path / "evaluation")
    rows = list(csv.DictReader((folder / "conditions.csv").open()))
    assert next(iter(rows[0])) == "beta"
    assert [float(row["beta"]) for row in rows] == evaluation.conditions.column("beta").tolist()
    assert [float(row["tv"]) for row in rows] == evaluation.conditions.column("tv").tolist()
    objects = list(csv.DictReader((folder / "condition_samples.csv").open()))
    assert sum(int(row["count"]) for row in objects) == 4 * 200
    plain = json.loads((folder / "metrics.json").read_text())
    assert plain["metrics"]["by_condition/each/tv"]["count"] == 4
    text = write_report(tmp_path, name="many").read_text()
    assert '<h2 id="conditions">Conditions</h2>' in text
    assert "log Z of each condition" in text
    without = evaluate_policy(under(environment), policy, reward, EvaluationSettings(samples=10, conditions=0))
    write_evaluation(without, folder)
    assert not (folder / "conditions.csv").exists(), "those of an earlier evaluation would be shown with this one"
    assert not (folder / "condition_samples.csv").exists()
    assert '<h2 id="conditions">Conditions</h2>' not in write_report(tmp_path, name="many").read_text()


def objectives(scalarisation, condition, beta=8.0, side=8):
    environment = conditional(HyperGrid(dimensions=2, side=side), condition)
    oracle = GridObjectives(functions=["branin", "sphere"], side=side, scalarisation=scalarisation)
    return environment, Power(oracle=oracle, beta=beta)


def measured(environment, reward, **settings):
    known = {"condition_log_pt_objects": 0, "condition_samples": 150} | settings
    return measure_conditions(environment, Solved(environment, reward), reward, EvaluationSettings(**known))


def test_samples_follow_a_preference_and_their_front_is_that_of_all_of_them():
    environment, reward = objectives(WeightedSum(), Preference(names=["branin", "sphere"]), beta=20.0)
    found = measured(environment, reward)
    assert len(found.rows) == 15, "as many as without a word for several numbers"
    assert found.column("tv").max() < 1e-6
    readings = condition_readings(found)
    assert readings["by_condition/follows/preference_branin"].value > 0.9
    assert readings["by_condition/follows/preference_sphere"].value > 0.9
    points = np.concatenate([row.samples.points for row in found.rows])
    assert points.shape == (15 * 150, 2)
    assert readings["by_condition/all/objectives/hypervolume/n=2250"].value == pytest.approx(hypervolume(points))
    assert readings["by_condition/each/mean_branin"].value == pytest.approx(points[:, 0].mean())
    rows = list(csv.DictReader(object_table(found).splitlines()))
    again = np.array([[float(row["objective_branin"]), float(row["objective_sphere"])] for row in rows])
    assert hypervolume(again) == pytest.approx(hypervolume(points))
    assert list(rows[0])[:2] == ["preference_branin", "preference_sphere"]


def test_the_spread_inside_a_cone_is_that_of_the_molecules_in_it():
    points = {"a": np.array([1.0, 0.99, 1.0, 0.0, 1.0]), "b": np.array([1.0, 1.0, 0.98, 1.0, 1.0])}
    keys = ["CCO", "CCCO", "c1ccccc1", "CCN", "CCO"]
    samples = Samples(MOLECULE, parse(keys), keys, objectives=points)
    found = focus(samples, {"goal_a": 1.0, "goal_b": 1.0}, 0.98)
    assert found["in_focus"] == 0.8
    some = Samples(MOLECULE, parse(keys[:3]), keys[:3])
    assert found["focus_diversity"] == InternalDiversity()(some)["internal_diversity"].value
    assert np.isnan(focus(samples, {"goal_a": 0.0, "goal_b": 1.0}, 0.98)["focus_diversity"]), "one is no spread"


def test_the_share_in_focus_is_that_of_the_rewards_cone():
    goal = Goal(names=["branin", "sphere"])
    environment, reward = objectives(Cone(cosine=0.95), goal, beta=6.0)
    found = measured(environment, reward, conditions=6)
    assert found.cosine == 0.95
    for row in found.rows:
        direction = np.array([row.condition["goal_branin"], row.condition["goal_sphere"]])
        cosine = row.samples.points @ direction / np.linalg.norm(row.samples.points, axis=1)
        assert row.numbers["in_focus"] == pytest.approx((cosine >= 0.95).mean())
        assert row.numbers["angle"] == pytest.approx(np.degrees(np.arccos(np.minimum(cosine, 1))).mean())
    readings = condition_readings(found)
    assert readings["by_condition/each/in_focus/cosine=0.95"].value > 0.9, "the cone has points of the grid in it"
    assert readings["by_condition/follows/goal_branin"].value > 0.9
    narrow = measured(environment, reward, conditions=6, focus_cosine=0.999)
    assert narrow.column("in_focus").mean() < found.column("in_focus").mean()
    deaf = measure_conditions(
        environment,
        Solved(environment, reward, always=tuple(goal.reference.values())),
        reward,
        EvaluationSettings(conditions=6, condition_log_pt_objects=0),
    )
    assert deaf.column("in_focus").mean() < 0.7


def test_samples_follow_a_target():
    target = Target(name="slope", draw=Uniform(low=0.2, high=0.8))
    environment = conditional(HyperGrid(dimensions=2, side=5), target)
    reward = Power(oracle=Slope(), transform=Near(width=0.1, name="slope"), beta=4.0)
    found = measured(environment, reward, conditions=4)
    readings = condition_readings(found)
    assert readings["by_condition/follows/target_slope"].value == 1.0
    assert "by_condition/all/objectives/hypervolume/n=600" not in readings, "one property has no front"
    values = found.column("target_slope")
    assert found.column("mean_value") == pytest.approx(values, abs=0.05)
