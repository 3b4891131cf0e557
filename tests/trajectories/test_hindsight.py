"""Stored objects under other conditions: another log R of what was measured, and no oracle is asked."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.conditions.corners import NAMES, Corners

from molgfn.conditions.draws import LogUniform, Uniform
from molgfn.conditions.goal import Goal
from molgfn.conditions.target import Target
from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ContractError
from molgfn.oracles.synthetic import hypergrid
from molgfn.oracles.synthetic.grid_function import GridFunction
from molgfn.policies.mlp import MLPPolicy
from molgfn.rewards.aggregations.goal import Goal as Cone
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.rewards.grid_objectives import GridObjectives
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Near
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.rewarded import find_rewards, under_new_conditions
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.base import Context
from molgfn.trajectories.sources.hindsight import Hindsight
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


def goals(each=1, side=5):
    torch.manual_seed(0)
    goal = Goal(names=list(NAMES), per_condition=each)
    return MLPPolicy(environment=conditional(HyperGrid(dimensions=2, side=side), goal), hidden=8)


def own_direction(trajectories, environment):
    """Unit vectors of the objectives of the objects; NaN at the far corner, which has none."""
    r = 1 - environment.objects(trajectories.terminal).double() / 4
    return r / r.norm(dim=1, keepdim=True)


@pytest.mark.parametrize("state_rewards", [False, True])
def test_fresh_trajectories_come_once_more_as_if_their_objects_had_been_asked_for(state_rewards):
    policy, reward = goals(), Corners(side=5, by="goal")
    sources = Sources(batch_size=32, sources=[OnPolicy(), Hindsight(share=0.25)])
    batch = sources.draw(
        policy,
        reward,
        iteration=0,
        generator=torch.Generator().manual_seed(0),
        replay_generator=torch.Generator().manual_seed(1),
        state_rewards=state_rewards,
    )
    t = batch.trajectories
    assert [t.source.count(word) for word in ("policy", "hindsight")] == [24, 8]
    assert len(batch.fresh) == 24
    on_the_way = 0 if batch.fresh.on_the_way is None else len(batch.fresh.on_the_way.keys)
    assert reward.counters.raw == 24 + on_the_way  # nobody was asked about those that come once more
    again = t.select(torch.arange(24, 32))
    environment = policy.environment
    assert set(again.keys) <= set(batch.fresh.trajectories.keys)
    own, values = own_direction(again, environment), again.terminal.values
    has = own.isfinite().all(1)
    assert has.sum() >= 6
    torch.testing.assert_close(values[has], own[has])
    assert torch.equal(again.states.values, again.terminal.values[again.trajectory])
    torch.testing.assert_close(again.log_reward[has], torch.zeros(int(has.sum()), dtype=torch.float64))  # cos = 1
    anew = find_rewards(replace(again, log_reward=None), environment, Corners(side=5, by="goal"), state_rewards=True)
    torch.testing.assert_close(anew.trajectories.log_reward, again.log_reward)
    if state_rewards:
        torch.testing.assert_close(anew.trajectories.log_reward_state, again.log_reward_state)


def test_a_share_of_what_was_stored_comes_under_its_own_condition():
    policy, reward = goals(), Corners(side=5, by="goal")
    store = UniformReplay(share=0.5, capacity=100, hindsight=0.5)
    sources = Sources(batch_size=32, sources=[OnPolicy(), store])
    generators = {name: torch.Generator().manual_seed(i) for i, name in enumerate(("generator", "replay_generator"))}
    sources.draw(policy, reward, iteration=0, **generators)
    raw = reward.counters.raw
    t = sources.draw(policy, reward, iteration=1, **generators).trajectories
    assert reward.counters.raw == raw + 16
    stored = t.select(torch.tensor([i for i, word in enumerate(t.source) if word == "replay"]))
    own = own_direction(stored, policy.environment)
    same = (stored.terminal.values - own).abs().amax(1) < 1e-9
    assert same[8:].sum() == 0
    assert (same | own.isnan().any(1))[:8].all()
    assert same[:8].sum() >= 6
    # without it, all are drawn anew, from the same stream as ever
    plain = UniformReplay(share=0.5, capacity=100)
    plain.load_state_dict(store.state_dict(), policy.environment)
    context = Context(policy=policy, reward=reward, choices=torch.Generator().manual_seed(7))
    one, other = (s.draw(replace(context, choices=torch.Generator().manual_seed(7)), 8) for s in (plain, store))
    assert torch.equal(one.terminal.values[4:], other.terminal.values[4:])


def test_a_group_shares_the_condition_of_its_first_object():
    policy, reward = goals(each=4), Corners(side=5, by="goal")
    sources = Sources(batch_size=16, sources=[OnPolicy(), Hindsight(share=0.5)])
    assert sources.misfits(policy) == []
    t = sources.draw(policy, reward, iteration=0, generator=torch.Generator().manual_seed(0)).trajectories
    again = t.select(torch.arange(8, 16))
    values = again.terminal.values.reshape(2, 4, 2)
    assert (values == values[:, :1]).all()
    own = own_direction(again, policy.environment)[::4]
    torch.testing.assert_close(values[:, 0][own.isfinite().all(1)], own[own.isfinite().all(1)])


def test_hindsight_without_a_condition_of_the_object_is_refused(policy):
    plain = MLPPolicy(environment=HyperGrid(dimensions=2, side=5), hidden=8)
    for source in (Hindsight(), UniformReplay(hindsight=0.5)):
        assert "the temperature has none that is its own; a goal or a target has" in source.misfit(policy)
        assert "there is none; give the run a condition" in source.misfit(plain)
        assert source.misfit(goals()) is None
    assert UniformReplay().misfit(policy) is None
    assert "under conditions that they were not drawn for" in Hindsight().off_policy


@pytest.mark.parametrize("source", ["hindsight", "replay"])
def test_hindsight_of_an_oracle_of_several_objectives_asks_nobody(source):
    names = ["currin", "sphere"]
    torch.manual_seed(0)
    grid = HyperGrid(dimensions=2, side=6)
    policy = MLPPolicy(environment=conditional(grid, Goal(names=names)), hidden=8)
    oracle = GridObjectives(functions=names, side=6, scalarisation=Cone())
    reward = Power(oracle=oracle, beta=2.0, floor=1e-3)
    assert reward.reads == {"goal_currin", "goal_sphere"}
    made = {"hindsight": Hindsight(share=0.5), "replay": UniformReplay(share=0.5, capacity=99, hindsight=1.0)}[source]
    sources = Sources(batch_size=32, sources=[OnPolicy(), made])
    generators = {name: torch.Generator().manual_seed(i) for i, name in enumerate(("generator", "replay_generator"))}
    sources.draw(policy, reward, iteration=0, **generators)
    raw = reward.counters.raw
    t = sources.draw(policy, reward, iteration=1, **generators).trajectories
    assert reward.counters.raw == raw + 16
    again = t.select(torch.tensor([i for i, word in enumerate(t.source) if word == source]))
    r = torch.stack([reward.achieved(again.measurements)[name] for name in names], 1)
    torch.testing.assert_close(again.terminal.values, r / r.norm(dim=1, keepdim=True))
    # in the very middle of its cone an object is worth the mean of its objectives
    torch.testing.assert_close(again.log_reward, 2 * r.mean(1).clamp(min=1e-3).log())
    others = t.select(torch.tensor([i for i, word in enumerate(t.source) if word == "policy"]))
    assert (others.log_reward < 2 * math.log(1e-3) + 1e-9).sum() > 4  # most lie outside of theirs


def test_hindsight_of_a_target_asks_nobody():
    torch.manual_seed(0)
    target = Target(name="grid_function", draw=Uniform(low=0.0, high=1.0))
    policy = MLPPolicy(environment=conditional(HyperGrid(dimensions=2, side=6), target), hidden=8)
    near = Near(name="grid_function", width=0.2)
    reward = Power(oracle=GridFunction(function="sphere", side=6), transform=near, beta=2.0, floor=1e-3)
    sources = Sources(batch_size=32, sources=[OnPolicy(), Hindsight(share=0.5)])
    t = sources.draw(policy, reward, iteration=0, generator=torch.Generator().manual_seed(0)).trajectories
    assert reward.counters.raw == 16
    again = t.select(torch.arange(16, 32))
    own = again.measurements.values["grid_function"]
    torch.testing.assert_close(again.terminal.values[:, 0], own)
    assert again.log_reward.tolist() == [0.0] * 16
