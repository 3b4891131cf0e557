from dataclasses import replace

import pytest
import torch

from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ContractError
from molgfn.policies.tabular import TabularPolicy
from molgfn.trajectories.recent import RecentBatches
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.replay import PrioritisedReplay, UniformReplay


@pytest.fixture
def environment():
    return HyperGrid(dimensions=2, side=8)


def batch(environment, n, seed):
    """Scored trajectories; log R is the sum of the coordinates."""
    policy = TabularPolicy(environment=environment)
    t = Sampler(environment).forward(policy, n, generator=torch.Generator().manual_seed(seed))
    position = t.terminal.position
    return replace(
        t,
        log_reward=position.sum(1).double(),
        log_symmetry=torch.full((n,), 0.25, dtype=torch.float64),
        keys=environment.kind.keys(position),
    )


@pytest.mark.parametrize("kind", [UniformReplay, PrioritisedReplay])
def test_unique_by_object_and_latest_trajectory(environment, kind):
    replay = kind(capacity=100)
    seen = set()
    for seed in range(5):
        t = batch(environment, 20, seed)
        replay.add(t)
        seen |= set(t.keys)
    assert len(replay) == len(seen) <= 64
    drawn = replay.sample(50, torch.Generator().manual_seed(0))
    assert environment.kind.keys(drawn.terminal.position) == drawn.keys
    assert torch.equal(drawn.log_reward, drawn.terminal.position.sum(1).double())
    assert set(drawn.log_symmetry.tolist()) == {0.25}
    last = {k: t.select(torch.tensor([i])) for i, k in enumerate(t.keys)}
    for i, key in enumerate(drawn.keys):
        if key in last:
            assert torch.equal(drawn.select(torch.tensor([i])).actions, last[key].actions)


def test_longer_trajectories_make_room(environment):
    replay = UniformReplay(capacity=100)
    t = batch(environment, 200, 0)
    order = t.lengths.argsort()
    short, long = t.select(order[:20]), t.select(order[-20:])
    assert short.lengths.max() < long.lengths.max()
    replay.add(short)
    replay.add(long)
    drawn = replay.sample(200, torch.Generator().manual_seed(0))
    assert environment.kind.keys(drawn.terminal.position) == drawn.keys


def test_full_store_gives_up_the_oldest_or_the_worst(environment):
    oldest, worst = UniformReplay(capacity=10), PrioritisedReplay(capacity=10)
    everything = {}
    for seed in range(6):
        t = batch(environment, 15, seed)
        everything |= dict(zip(t.keys, t.log_reward.tolist(), strict=True))
        oldest.add(t)
        worst.add(t)
    assert len(oldest) == len(worst) == 10
    assert oldest.age.min() >= 6 * 15 - 15
    best = sorted(everything.values())[-10:]
    assert sorted(worst.log_reward.tolist()) == best


def test_prioritised_share(environment):
    """Half of 20,000 draws from the top tenth, within 5 sigma."""
    replay = PrioritisedReplay(capacity=100)
    for seed in range(20):
        replay.add(batch(environment, 40, seed))
    n = len(replay)
    top = set(replay.log_reward.argsort(descending=True, stable=True)[: max(1, round(0.1 * n))].tolist())
    slots = replay.choose(20_000, torch.Generator().manual_seed(0)).tolist()
    share = sum(s in top for s in slots) / 20_000
    assert abs(share - 0.5) < 5 * (0.25 / 20_000) ** 0.5
    assert set(slots) == set(range(n))


@pytest.mark.parametrize("kind", [UniformReplay, PrioritisedReplay])
def test_state_survives_a_checkpoint(environment, kind, tmp_path):
    first, second = kind(capacity=30), kind(capacity=30)
    for seed in range(3):
        first.add(batch(environment, 20, seed))
    torch.save(first.state_dict(), tmp_path / "x")
    second.load_state_dict(torch.load(tmp_path / "x", weights_only=True), environment)
    for replay in (first, second):
        replay.add(batch(environment, 20, 9))
    a, b = (r.sample(40, torch.Generator().manual_seed(1)) for r in (first, second))
    assert a.keys == b.keys
    assert torch.equal(a.actions, b.actions)


def with_state_rewards(t):
    """log R' of a state is minus the first coordinate less the second, over ten."""
    position = t.states.position
    return replace(t, log_reward_state=-(position[:, 0] + position[:, 1] / 10).double())


@pytest.mark.parametrize("kind", [UniformReplay, PrioritisedReplay])
def test_rewards_of_states_are_kept(environment, kind, tmp_path):
    """Through growing trajectories, a full store and a checkpoint."""
    first, second = kind(capacity=30), kind(capacity=30)
    order = [batch(environment, 40, seed) for seed in range(3)]
    for t in order:
        first.add(with_state_rewards(t.select(t.lengths.argsort()[:20])))
        first.add(with_state_rewards(t))
    torch.save(first.state_dict(), tmp_path / "x")
    second.load_state_dict(torch.load(tmp_path / "x", weights_only=True), environment)
    for replay in (first, second):
        drawn = replay.sample(60, torch.Generator().manual_seed(0))
        assert torch.equal(drawn.log_reward_state, with_state_rewards(drawn).log_reward_state)
    assert len({len(t.actions) for t in order}) > 1


@pytest.mark.parametrize("before", [True, False])
def test_rewards_of_states_for_some_only_are_refused(environment, before):
    replay = UniformReplay(capacity=30)
    t = batch(environment, 10, 0)
    replay.add(with_state_rewards(t) if before else t)
    with pytest.raises(ContractError, match="all or none"):
        replay.add(t if before else with_state_rewards(t))


def test_a_store_of_an_older_checkpoint_knows_its_exits(environment):
    """Before there were flags, a backward action of -1 said that a step is the exit."""
    first, second = UniformReplay(capacity=30), UniformReplay(capacity=30)
    first.add(batch(environment, 20, 0))
    state = first.state_dict()
    table = {k: v.clone() for k, v in state["table"].items() if k != "exits"}
    table["backward_actions"][state["table"]["exits"]] = -1
    second.load_state_dict({**state, "table": table}, environment)
    drawn = second.sample(40, torch.Generator().manual_seed(0))
    assert torch.equal(drawn.exits.nonzero().squeeze(1), drawn.last)


def test_recent_batches_of_an_older_checkpoint_know_their_exits(environment):
    first, second = RecentBatches(2), RecentBatches(2)
    first.add(t := batch(environment, 20, 0))
    state = first.state_dict()
    for stored in state["batches"]:
        stored["backward_actions"] = stored["backward_actions"].masked_fill(stored.pop("exits"), -1)
    second.load_state_dict(state, environment.initial(1))
    assert torch.equal(second.draw().exits, t.exits)
