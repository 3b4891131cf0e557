"""Stored objects under other conditions: another log R of what was measured, and no oracle is asked."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from molgfn.conditions.draws import LogUniform
from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ContractError
from molgfn.oracles.synthetic import hypergrid
from molgfn.policies.mlp import MLPPolicy
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.rewards.power import Power
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.rewarded import find_rewards, under_new_conditions
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.on_policy import OnPolicy
from molgfn.trajectories.sources.replay import PrioritisedReplay, UniformReplay


class Counting(hypergrid.HyperGrid):
    """Counts what it is asked."""

    asked = 0

    def values(self, objects):
        self.asked += len(objects)
        return super().values(objects)


@pytest.fixture
def policy():
    torch.manual_seed(0)
    environment = HyperGrid(dimensions=2, side=5)
    return MLPPolicy(environment=conditional(environment, Temperature(beta=LogUniform(low=0.5, high=32.0))), hidden=8)


def drawn(policy, reward, state_rewards=False, n=16):
    generator = torch.Generator().manual_seed(1)
    trajectories = Sampler(policy.environment).forward(policy, n, generator=generator)
    return find_rewards(trajectories, policy.environment, reward, state_rewards=state_rewards).trajectories


def betas(trajectories, policy):
    return policy.environment.condition_values(trajectories.terminal)["beta"]


@pytest.mark.parametrize("state_rewards", [False, True])
def test_the_same_paths_under_new_conditions_have_the_log_r_of_these(policy, state_rewards):
    oracle = Counting(side=5)
    reward = Power(oracle=oracle, beta=None, floor=1e-3)
    before = drawn(policy, reward, state_rewards)
    calls, counters = oracle.asked, vars(reward.counters).copy()
    after = under_new_conditions(before, policy.environment, reward, torch.Generator().manual_seed(2))
    assert oracle.asked == calls > 0
    assert vars(reward.counters) == counters
    for name, tensor in before.states.inner.tensors().items():
        assert torch.equal(after.states.inner.tensors()[name], tensor)
    assert torch.equal(after.actions, before.actions)
    beta = betas(after, policy)
    assert (beta != betas(before, policy)).all()
    assert len(set(beta.tolist())) == len(after)
    all_betas = policy.environment.condition_values(after.states)["beta"]
    assert torch.equal(all_betas, beta[after.trajectory])  # one for a whole trajectory
    # as if it had been drawn so, and asked for
    values = Counting(side=5).values(policy.environment.objects(after.terminal))
    torch.testing.assert_close(after.log_reward, beta * torch.from_numpy(np.log(np.maximum(values, 1e-3))))
    again = find_rewards(
        replace(after, log_reward=None), policy.environment, reward, state_rewards=state_rewards
    ).trajectories
    assert torch.equal(again.log_reward, after.log_reward)
    if state_rewards:
        torch.testing.assert_close(again.log_reward_state, after.log_reward_state)
        assert torch.equal(after.log_reward_state[after.last], after.log_target)


@pytest.mark.parametrize("store", [UniformReplay, PrioritisedReplay])
@pytest.mark.parametrize("state_rewards", [False, True])
def test_replay_gives_stored_objects_new_log_r_with_no_call(policy, store, state_rewards):
    oracle = Counting(side=5)
    reward = Boltzmann(oracle=oracle, beta=None)
    sources = Sources(batch_size=32, sources=[OnPolicy(), store(share=0.5, capacity=100)])
    generators = {name: torch.Generator().manual_seed(i) for i, name in enumerate(("generator", "replay_generator"))}
    sources.draw(policy, reward, iteration=0, state_rewards=state_rewards, **generators)
    stored = {}
    for iteration in range(1, 4):
        raw = reward.counters.raw
        batch = sources.draw(policy, reward, iteration=iteration, state_rewards=state_rewards, **generators)
        t, fresh = batch.trajectories, batch.fresh
        on_the_way = len(fresh.on_the_way.keys) if fresh.on_the_way is not None else 0
        assert reward.counters.raw - raw == 16 + on_the_way  # what is new alone
        replayed = t.select(torch.tensor([i for i, word in enumerate(t.source) if word == "replay"]))
        assert len(replayed) == 16
        value = torch.from_numpy(Counting(side=5).values(policy.environment.objects(replayed.terminal)))
        beta = betas(replayed, policy)
        torch.testing.assert_close(replayed.log_reward, beta * value)
        for key, b in zip(replayed.keys, beta.tolist(), strict=True):
            stored.setdefault(key, set()).add(b)
        if state_rewards:
            assert torch.equal(replayed.log_reward_state[replayed.last], replayed.log_target)
            of_states = torch.from_numpy(Counting(side=5).values(policy.environment.objects(replayed.states)))
            expected = policy.environment.condition_values(replayed.states)["beta"] * of_states
            torch.testing.assert_close(replayed.log_reward_state, expected)
    assert max(len(seen) for seen in stored.values()) > 2  # the same object under several temperatures


def test_the_best_are_those_under_the_reference_condition(policy):
    """log R under the draws' conditions ranks objects by these: here the best are the worst under a large beta."""
    reward = Power(oracle=Counting(side=5), beta=None, floor=1e-3)
    store = PrioritisedReplay(capacity=4, top_fraction=0.25, top_share=1.0)
    sources = Sources(batch_size=32, sources=[OnPolicy(), store])
    best = {}
    for iteration in range(3):
        batch = sources.draw(policy, reward, iteration=iteration, generator=torch.Generator().manual_seed(iteration))
        found = batch.fresh
        values = found.scores.value
        best |= dict(zip(found.trajectories.keys, values.tolist(), strict=True))
        reference = policy.environment.given.reference["beta"]
        torch.testing.assert_close(found.log_reference, reference * values.clamp(min=1e-3).log())
    kept = sorted((best[key] for key in store._keys), reverse=True)
    assert kept == sorted(best.values(), reverse=True)[:4]
    top = max(store._keys, key=best.__getitem__)
    ties = {key for key in store._keys if best[key] == best[top]}
    assert set(store.sample(20, torch.Generator().manual_seed(0)).keys) <= ties
    # what was stored before there was such a column is ranked by the log R that it has
    older = PrioritisedReplay(capacity=100)
    older.add(found.trajectories)
    assert torch.equal(older.comparable, older.log_reward)
    older.add(found.trajectories, found.log_reference)
    assert set(older.comparable.tolist()) <= set(found.log_reference.tolist())
    again = PrioritisedReplay(capacity=100)
    again.load_state_dict(older.state_dict(), policy.environment)
    assert torch.equal(again.comparable, older.comparable)


def test_a_reward_without_conditions_takes_what_was_stored(policy):
    reward = Power(oracle=Counting(side=5), beta=2.0)
    sources = Sources(batch_size=8, sources=[OnPolicy(), UniformReplay(share=0.5, capacity=100)])
    first = sources.draw(policy, reward, iteration=0).trajectories
    again = sources.draw(policy, reward, iteration=1).trajectories
    replayed = again.select(torch.tensor([i for i, word in enumerate(again.source) if word == "replay"]))
    assert len(replayed) == 4
    assert set(betas(replayed, policy).tolist()) <= set(betas(first, policy).tolist())


def test_measurements_go_through_a_checkpoint(policy):
    reward = Power(oracle=Counting(side=5), beta=None)
    store = UniformReplay(capacity=50)
    store.add(drawn(policy, reward, state_rewards=True))
    again = UniformReplay(capacity=50)
    again.load_state_dict(store.state_dict(), policy.environment)
    one, other = (r.sample(20, torch.Generator().manual_seed(0)) for r in (store, again))
    assert torch.equal(reward.revalue(one.measurements, {"beta": torch.ones(20)}), one.log_reward / betas(one, policy))
    for name in ("measurements", "state_measurements"):
        torch.testing.assert_close(
            getattr(one, name).table(), getattr(other, name).table(), rtol=0, atol=0, equal_nan=True
        )


def test_a_store_of_before_there_were_measurements_goes_on_without(policy):
    reward = Power(oracle=Counting(side=5), beta=2.0)
    store = UniformReplay(capacity=50)
    store.add(replace(drawn(policy, reward), measurements=None))
    former = store.state_dict()
    del former["properties"]
    again = UniformReplay(capacity=50)
    again.load_state_dict(former, policy.environment)
    again.add(drawn(policy, reward))
    old = again.sample(10)
    assert old.measurements is None
    with pytest.raises(ContractError, match="reads beta, but nothing was kept of what was measured"):
        under_new_conditions(old, policy.environment, Power(oracle=Counting(side=5), beta=None))
