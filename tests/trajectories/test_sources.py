import pytest
import torch
from tests.policies.log_prob_only import LogProbOnlyPolicy

from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.oracles.properties.qed import QED
from molgfn.policies.exploration import Exploration
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.rewards.power import Power
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.sources.explored import Explored
from molgfn.trajectories.sources.local_search import LocalSearch
from molgfn.trajectories.sources.on_policy import OnPolicy
from molgfn.trajectories.sources.replay import UniformReplay

AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]


@pytest.fixture
def policy():
    environment = Fragments(vocabulary=AMBIGUOUS, max_fragments=4)
    return GraphTransformerPolicy(environment=environment, width=16, layers=1)


def test_stated_shares(policy):
    sources = Sources(batch_size=20, sources=[OnPolicy(), UniformReplay(share=0.25, capacity=50)])
    reward = Power(oracle=QED())
    for iteration in range(3):
        batch = sources.draw(policy, reward, iteration=iteration)
        stored = 0 if iteration == 0 else 5
        source = batch.trajectories.source
        assert source.count("replay") == stored
        assert source.count("policy") == len(batch.fresh) == 20 - stored
    assert reward.counters.raw == 20 + 15 + 15


def test_scored_batch(policy):
    environment = policy.environment
    drawn = Sources(batch_size=32).draw(policy, Power(oracle=QED(), beta=2.0), iteration=0)
    batch, molecules = drawn.trajectories, drawn.fresh.objects
    assert batch.keys == [m.smiles for m in molecules]
    qed = torch.from_numpy(QED().values(molecules))
    torch.testing.assert_close(batch.log_reward, 2 * qed.clamp(min=1e-4).log())
    torch.testing.assert_close(batch.log_symmetry, environment.log_symmetry(batch.terminal, molecules))
    torch.testing.assert_close(batch.log_target, batch.log_reward - batch.log_symmetry)


def test_off_policy_reasons():
    assert Sources().off_policy_reasons == []
    assert Sources(sources=[Explored()]).off_policy_reasons == []
    assert len(Sources(sources=[Explored(temperature=2.0)]).off_policy_reasons) == 1
    assert len(Sources(sources=[Explored(final_epsilon=0.1)]).off_policy_reasons) == 1
    reasons = Sources(sources=[Explored(epsilon=0.1), UniformReplay(), LocalSearch()]).off_policy_reasons
    assert [reason.split()[0] for reason in reasons] == [
        "data.sources.policy", "data.sources.local_search", "data.sources.replay"
    ]  # fmt: skip


def test_tempered_actions_are_flatter(policy):
    """A temperature of 1e6 draws the legal actions of the source equally often, whatever P_F says."""
    environment = policy.environment
    n = 4000
    exploration = Exploration(temperature=1e6)
    actions = exploration.sample(policy(environment.initial(n)).forward, torch.Generator().manual_seed(0))
    legal = environment.forward_mask(environment.initial(1))[0].nonzero().squeeze(1)
    share = (actions[:, None] == legal).double().mean(0)
    p = 1 / len(legal)
    assert ((share - p).abs() < 5 * (p * (1 - p) / n) ** 0.5).all()


def test_replay_serves_objectives_that_read_rewards_of_states(policy):
    sources = Sources(batch_size=12, sources=[OnPolicy(), UniformReplay(share=0.5, capacity=50)])
    reward = Power(oracle=QED())
    for iteration in range(2):
        batch = sources.draw(policy, reward, iteration=iteration, state_rewards=True).trajectories
    assert batch.source.count("replay") == 6
    there = policy.environment.has_object(batch.states)
    expected = sources.draw(policy, reward, iteration=2, state_rewards=True).trajectories
    assert (batch.log_reward_state[~there] == 0).all()
    torch.testing.assert_close(batch.log_reward_state[batch.last], batch.log_target)
    assert expected.log_reward_state is not None


def test_exploration_needs_a_policy_that_can_be_tempered():
    policy = LogProbOnlyPolicy(environment=HyperGrid(side=3), hidden=8, layers=1)
    assert Sources().misfits(policy) == Sources(sources=[Explored()]).misfits(policy) == []
    (problem,) = Sources(sources=[OnPolicy(), Explored(share=0.5, epsilon=0.1)]).misfits(policy)
    assert problem == (
        "data.sources.policy_2: explores, but a LogProbOnly choice of actions has not got tempered and uniform "
        "choices; use data=on_policy"
    )
