"""What a distribution cannot give is refused before a run, with the reason; what it can give is trained with."""

import pytest
import torch
from tests.environments.hops import Hops
from tests.policies.log_prob_only import LogProbOnly
from tests.training.conftest import node, run_config

from molgfn.compatibility import misplaced
from molgfn.errors import ConfigError, ContractError
from molgfn.experiment import assemble, train
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.soft_q.random_policy_evaluation import RandomPolicyEvaluation
from molgfn.policies.distributions import Categorical, HasEntropy, HasKL, HasTable, Staged, require
from molgfn.policies.distributions.capabilities import lacking


def of_log_prob_only(tmp_path, **changes):
    parts = {
        "environment": node("environments.hypergrid.HyperGrid", dimensions=2, side=4),
        "oracle": node("oracles.synthetic.hypergrid.HyperGrid", dimensions=2, side=4),
        "policy": {"_target_": "tests.policies.log_prob_only.LogProbOnlyPolicy", "hidden": 8},
    }
    return run_config(tmp_path, **{**parts, **changes})


def test_it_trains_where_nothing_more_is_asked_for(tmp_path):
    run = train(of_log_prob_only(tmp_path))
    assert run.iteration == 6


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (node("objectives.policy_gradients.ent_ppo.EntPPO"), "an exact KL divergence"),
        (node("objectives.policy_gradients.rl_trust_region.RLTrustRegion"), "an exact KL divergence"),
        (node("objectives.soft_q.soft_actor_critic.SoftActorCritic"), "exact expectations of action values"),
        (node("objectives.soft_q.random_policy_evaluation.RandomPolicyEvaluation"), "a table of all log-probabilities"),
    ],
)
def test_an_objective_that_needs_more_is_refused_with_the_reason(tmp_path, objective, says):
    with pytest.raises(ConfigError) as caught:
        assemble(of_log_prob_only(tmp_path, objective=objective))
    problem = next(p for p in caught.value.problems if says in p)
    name = objective["_target_"].rpartition(".")[2]
    assert problem.startswith(f"objective: {name} reads")
    assert f"a LogProbOnly choice of actions has not got {says}" in problem
    assert "take an objective that does not read it" in problem


def test_a_table_of_all_actions_is_refused_where_actions_have_parts():
    said = "with a column for each of a fixed number of actions, but the actions of Hops are not listed so"
    assert any(said in problem for problem in misplaced(RandomPolicyEvaluation(), Hops()))
    assert misplaced(TrajectoryBalance(), Hops()) == []


def test_exploration_that_needs_more_is_refused_with_the_reason(tmp_path):
    explored = node("trajectories.sources.explored.Explored", epsilon=0.1)
    data = node("trajectories.mixture.Sources", batch_size=8, sources={"policy": explored})
    with pytest.raises(ConfigError, match=r"data\.sources\.policy: explores, but a LogProbOnly choice of"):
        assemble(of_log_prob_only(tmp_path, data=data))


def test_asking_for_more_says_who_asked():
    choice = LogProbOnly(Categorical(torch.zeros(2, 3), torch.ones(2, 3).bool()))
    with pytest.raises(ContractError, match=r"^kl: a LogProbOnly choice of actions has not got an exact KL"):
        require(choice, HasKL, "kl")
    assert lacking(LogProbOnly, [HasEntropy, HasKL, HasEntropy]) == [
        "a LogProbOnly choice of actions has not got an exact entropy",
        "a LogProbOnly choice of actions has not got an exact KL divergence",
    ]
    assert lacking(Staged, [HasEntropy, HasKL, HasTable]) == lacking(Categorical, [HasEntropy, HasKL, HasTable]) == []
