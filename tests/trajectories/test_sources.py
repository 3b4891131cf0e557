import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError
from molgfn.oracles.properties.qed import QED
from molgfn.policies.exploration import Exploration
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.rewards.power import Power
from molgfn.trajectories.local_search import LocalSearch
from molgfn.trajectories.replay import UniformReplay
from molgfn.trajectories.sources import Sources

AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]


@pytest.fixture
def policy():
    environment = Fragments(vocabulary=AMBIGUOUS, max_fragments=4)
    return GraphTransformerPolicy(environment=environment, width=16, layers=1)


def test_stated_shares(policy):
    sources = Sources(batch_size=20, replay=UniformReplay(capacity=50), replay_share=0.25)
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


@pytest.mark.parametrize(
    "arguments",
    [{"replay_share": 0.5}, {"replay": UniformReplay()}],
    ids=["share without store", "store without share"],
)
def test_half_a_replay_is_refused(arguments):
    with pytest.raises(ConfigError, match="replay_share"):
        Sources(**arguments)


def test_off_policy_reasons():
    assert Sources().off_policy_reasons == []
    assert Sources(exploration=Exploration()).off_policy_reasons == []
    assert len(Sources(exploration=Exploration(temperature=2.0)).off_policy_reasons) == 1
    assert len(Sources(exploration=Exploration(final_epsilon=0.1)).off_policy_reasons) == 1
    reasons = Sources(
        exploration=Exploration(epsilon=0.1), replay=UniformReplay(), replay_share=0.5, local_search=LocalSearch()
    ).off_policy_reasons
    assert ["replay" in reasons[0], "exploration" in reasons[1], "local_search" in reasons[2]] == [True] * 3
    assert len(reasons) == 3


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
    sources = Sources(batch_size=12, replay=UniformReplay(capacity=50), replay_share=0.5)
    reward = Power(oracle=QED())
    for iteration in range(2):
        batch = sources.draw(policy, reward, iteration=iteration, state_rewards=True).trajectories
    assert batch.source.count("replay") == 6
    there = policy.environment.has_object(batch.states)
    expected = sources.draw(policy, reward, iteration=2, state_rewards=True).trajectories
    assert (batch.log_reward_state[~there] == 0).all()
    torch.testing.assert_close(batch.log_reward_state[batch.last], batch.log_target)
    assert expected.log_reward_state is not None
