"""Training under a condition: every objective and P_B takes its steps, and what compares has what to compare."""

import math
from dataclasses import replace

import pytest
import torch
from tests.objectives.conditional_grid import drawn, grid, shipped

import molgfn
from molgfn.compatibility import too_small, uncompared, unguided
from molgfn.conditions.draws import Constant
from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError
from molgfn.experiment import assemble, train
from molgfn.objectives.backward.base import BackwardPolicyTraining, mismatch, policy_needs
from molgfn.objectives.balance.log_variance import LogVariance
from molgfn.objectives.base import Objective, Phase
from molgfn.policies.mlp import MLPPolicy
from molgfn.runs.checkpoint import load
from molgfn.training.learner import Learner
from molgfn.training.optimizers import Optimizers
from molgfn.training.updates.log_partition import estimate
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.rewarded import Batch, Rewarded

from .conftest import node, run_config

OBJECTIVES, BACKWARDS = shipped("objective", Objective), shipped("backward", BackwardPolicyTraining)
#: two of each temperature, which four of them share
BETAS = [0.4, 0.4, 1.7, 1.7, 3.5, 3.5, 0.9, 0.9]


def learner_of(objective, backward, environment, **optimizer):
    torch.manual_seed(0)
    policy = MLPPolicy(environment=environment, hidden=16, layers=1, **policy_needs(objective, backward))
    auxiliaries = {
        n.name: MLPPolicy(environment=environment, hidden=16, layers=1)
        for n in (*objective.networks, *backward.networks)
    }
    return Learner(
        policy=policy,
        objective=objective,
        backward=backward,
        optimizers=Optimizers(**optimizer),
        auxiliaries=auxiliaries,
        frozen={name: policy.copy() for name in objective.frozen},
    )


def batch_of(learner, environment, betas=BETAS, seed=0):
    t = drawn(environment, learner.policy, betas, seed)
    return Batch(t, Rewarded(t, None, None))


#: of reactions alone, see tests/environments/reactions
ELSEWHERE = {"cost_guided", "decomposability_guided"}
PAIRS = [(name, "uniform") for name in OBJECTIVES if not OBJECTIVES[name]().reads_pairs] + [
    ("tb", name) for name in sorted(BACKWARDS.keys() - ELSEWHERE - {"uniform"})
]


@pytest.mark.parametrize(("name", "backward_name"), PAIRS)
def test_every_objective_and_every_pb_takes_its_steps(name, backward_name):
    objective, backward = OBJECTIVES[name](), BACKWARDS[backward_name](counts_paths=True)
    assert mismatch(objective, backward) is None
    environment = grid(1, 6) if objective.needs_path_independence else grid()
    environment.per_condition = 2
    learner = learner_of(objective, backward, environment)
    before = {k: v.clone() for k, v in learner.policy.state_dict().items()}
    for seed in range(3):
        metrics = learner.step(batch_of(learner, environment, seed=seed))
        assert not [key for key, value in metrics.items() if not torch.isfinite(value).all()]
    after = learner.policy.state_dict()
    assert all(v.isfinite().all() for v in after.values())
    assert any(not torch.equal(before[k], v) for k, v in after.items())
    if "log_z" in objective.trains:
        assert not torch.equal(before["log_z.head.2.weight"], after["log_z.head.2.weight"])


def test_what_compares_needs_two_of_a_condition():
    environment, vargrad = grid(), LogVariance()
    problem = uncompared(vargrad, environment)
    assert "LogVariance compares trajectories" in problem
    assert "set condition.per_condition to 2 or more" in problem
    assert uncompared(OBJECTIVES["tb"](), environment) is None
    assert uncompared(OBJECTIVES["rl_u"](), environment) is not None
    alone = shipped("objective", Objective, rl_u={"center": False})["rl_u"]()
    assert uncompared(alone, environment) is None
    for fixed in (environment.at({"beta": 2.0}), environment.inner, one_value()):
        assert uncompared(vargrad, fixed) is None
    environment.per_condition = 2
    assert uncompared(vargrad, environment) is None


def test_a_run_that_would_not_repeat_conditions_is_refused():
    overrides = ["condition=temperature", "reward.beta=null", "logger.wandb=off"]
    config = molgfn.compose("experiments/hypergrid/tb.yaml", "objective=vargrad", *overrides)
    with pytest.raises(ConfigError, match=r"LogVariance compares .* set condition\.per_condition to 2 or more"):
        assemble(config)
    again = molgfn.compose(
        "experiments/hypergrid/tb.yaml", "objective=vargrad", *overrides, "condition.per_condition=4"
    )
    batch = assemble(again).data().draw().trajectories
    assert batch.terminal.values.view(4, 4).std(1).tolist() == [0.0] * 4
    assert len(batch.terminal.values.unique()) == 4


@pytest.mark.parametrize("precision", ["32-true", "bf16-products"])
def test_a_hypernetwork_is_trained_kept_and_loaded(tmp_path, precision):
    config = run_config(
        tmp_path,
        condition=node("conditions.temperature.Temperature", per_condition=2),
        reward=node("rewards.power.Power", beta=None),
        policy=node("policies.graph.GraphTransformerPolicy", width=16, layers=1, head="hypernetwork"),
    )
    config["trainer"]["precision"] = precision
    run = train(config)
    trained, loaded = run.experiment.policy, load(run.folder).policy
    states = trained.environment.draw_initial(5, torch.Generator().manual_seed(0))
    assert torch.equal(trained(states).forward.log_probs(), loaded(states).forward.log_probs())
    last = loaded.hypernetwork.network[-1].weight
    assert last.abs().max() > 0
    assert trained.parameter_groups()["forward"][-1].shape == last.shape[:1]
    assert len(molgfn.sample(run.folder, 4, seed=0)) == 4


def one_value():
    return conditional(HyperGrid(dimensions=2, side=4), Temperature(beta=Constant(value=2.0)))


def test_a_guide_by_keys_is_refused_where_no_condition_comes_twice():
    for name in ("guided_tb", "rl_g", "rl_g_forward"):
        (problem,) = unguided(BACKWARDS[name](), grid())
        assert "none comes twice" in problem
        assert unguided(BACKWARDS[name](), one_value()) == []
    assert unguided(BACKWARDS["tlm"](), grid()) == []


class InParts(LogVariance):
    """The same in two parts of the batch, of which it keeps what it saw."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def phases(self):
        return (Phase("forward", self, self.quantities, splits=2),)

    def __call__(self, evaluated):
        self.seen.append(evaluated.groups.tolist())
        return super().__call__(evaluated)


def test_parts_of_a_batch_do_not_part_a_condition():
    environment, objective = grid(), InParts()
    environment.per_condition = 2
    learner = learner_of(objective, BACKWARDS["uniform"](), environment)
    learner.step(batch_of(learner, environment))
    first, second = objective.seen
    assert first == [first[0]] * 2 + [first[2]] * 2
    assert second == [second[0]] * 2 + [second[2]] * 2
    assert len({*first, *second}) == 4
    assert too_small(objective, 2, per_condition=2) == (
        "InParts splits a batch into 2 parts (forward), but it holds only 1 conditions"
    )
    assert too_small(objective, 4, per_condition=2) is None


def test_equal_conditions_have_equal_numbers():
    environment = grid()
    learner = learner_of(OBJECTIVES["tb"](), BACKWARDS["uniform"](), environment)
    groups = evaluate(batch_of(learner, environment).trajectories, learner.policy, quantities=()).groups
    assert groups.dtype == torch.int64
    assert len(groups.unique()) == 4
    assert torch.equal(groups[::2], groups[1::2])
    other = batch_of(learner, environment, betas=BETAS[2:4]).trajectories
    assert evaluate(other, learner.policy, quantities=()).groups.tolist() == groups[2:4].tolist()  # in every batch


def test_the_start_of_log_z_is_not_that_of_the_largest():
    weights, groups = torch.tensor([0.0, math.log(3.0), 50.0, 50.0]), torch.tensor([4, 4, 9, 9])
    assert estimate(weights, "importance", groups).item() == pytest.approx((math.log(2.0) + 50) / 2)
    assert estimate(weights, "importance").item() == pytest.approx(50 - math.log(2), abs=1e-4)
    assert estimate(weights, "mean", groups).item() == pytest.approx((math.log(3.0) / 2 + 50) / 2)


def test_a_scored_batch_under_one_condition_is_that_without():
    """VarGrad on a batch of one temperature: its loss is the plain variance."""
    environment = grid()
    learner = learner_of(LogVariance(), BACKWARDS["uniform"](), environment)
    t = drawn(environment, learner.policy, [1.3] * 6)
    evaluated = evaluate(t, learner.policy, quantities=LogVariance.quantities)
    (one,) = LogVariance()(evaluated).losses.values()
    (plain,) = LogVariance()(replace(evaluated, groups=None)).losses.values()
    torch.testing.assert_close(one.value, plain.value)
