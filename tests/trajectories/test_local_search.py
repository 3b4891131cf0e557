"""Local search: what is kept and what is rebuilt, the share of a batch, acceptance, and the exact invariant law."""

from dataclasses import replace

import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.synthetic.hypergrid import HyperGrid as GridOracle
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.power import Power
from molgfn.testing import golden_dag
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.explored import Explored
from molgfn.trajectories.sources.local_search import Chains, LocalSearch, rebuild, score_of
from molgfn.trajectories.sources.on_policy import OnPolicy
from molgfn.trajectories.sources.replay import UniformReplay

AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]


def fragments():
    environment = Fragments(vocabulary=AMBIGUOUS, max_fragments=5)
    return GraphTransformerPolicy(environment=environment, learned_backward=True, width=16, layers=1), Power(
        oracle=QED()
    )


def grid():
    environment = HyperGrid(dimensions=2, side=6)
    return TabularPolicy(environment=environment, learned_backward=True), Power(oracle=GridOracle(side=6))


def complete(environment, t):
    """Every trajectory begins at the source, follows legal actions, and ends with stop."""
    assert environment.is_initial(t.states[t.step == 0]).all()
    assert (t.actions[t.last] == environment.stop_action).all()
    assert environment.forward_mask(t.states).gather(1, t.actions[:, None]).all()
    going = (t.actions != environment.stop_action).nonzero().squeeze(1)
    after = environment.step(t.states[going], t.actions[going])
    assert list(environment.keys(after)) == list(environment.keys(t.states[going + 1]))
    undone = environment.undo(t.states[going + 1], t.backward_actions[going])
    assert list(environment.keys(undone)) == list(environment.keys(t.states[going]))


@pytest.mark.parametrize("make", [fragments, grid])
def test_the_first_steps_stay_and_the_rest_is_built_anew(make):
    policy, _ = make()
    t = Sampler(policy.environment).forward(policy, 30)
    kept = (t.lengths - 1) // 2
    new = rebuild(policy, t, kept)
    complete(policy.environment, new)
    assert set(new.source) == {"local_search"}
    for i in range(30):
        a, b = (x.select(torch.tensor([i])) for x in (t, new))
        j = int(kept[i])
        assert torch.equal(a.actions[:j], b.actions[:j])
        keys = (policy.environment.keys(x.states[: j + 1]) for x in (a, b))
        assert list(next(keys)) == list(next(keys))
    assert not torch.equal(new.lengths, t.lengths) or not torch.equal(new.actions, t.actions)


@pytest.mark.parametrize(("n", "rounds", "chains"), [(32, 7, 4), (64, 7, 8), (10, 2, 4), (9, 8, 1)])
def test_a_batch_has_its_size_and_its_reward_calls(n, rounds, chains):
    policy, reward = grid()
    batch = (
        Sources(batch_size=n, sources=[OnPolicy(), LocalSearch(rounds=rounds)])
        .draw(policy, reward, iteration=0)
        .trajectories
    )
    assert len(batch) == n
    assert batch.source.count("policy") == chains
    assert batch.source.count("local_search") == n - chains
    assert reward.counters.raw == n
    complete(policy.environment, batch)


def test_objects_and_scores_of_all_rounds_stay_together():
    policy, reward = fragments()
    fresh = Sources(batch_size=12, sources=[OnPolicy(), LocalSearch(rounds=2)]).draw(policy, reward, iteration=0).fresh
    assert [m.smiles for m in fresh.objects] == fresh.trajectories.keys
    torch.testing.assert_close(fresh.scores.log_reward, fresh.trajectories.log_reward)
    assert len(fresh.scores.problems) == len(fresh.scores.value) == 12
    assert [m.smiles for m in policy.environment.objects(fresh.trajectories.terminal)] == fresh.trajectories.keys


@pytest.mark.parametrize(("share", "kept"), [(0.5, [0, 0, 1, 1, 2, 5]), (0.3, [0, 0, 1, 2, 2, 7]), (1.0, [0] * 6)])
def test_the_fixed_cut_takes_the_share_rounded_up(share, kept):
    lengths = torch.tensor([0, 1, 2, 3, 4, 10]) + 1
    assert LocalSearch(taken_back=share)._kept(lengths, None).tolist() == kept


def test_the_random_cut_is_binomial():
    search = LocalSearch(taken_back=0.3, cut="random")
    lengths = torch.full((20_000,), 6)
    kept = search._kept(lengths, torch.Generator().manual_seed(0))
    p = search._log_cut(torch.arange(6), torch.full((6,), 6)).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-12)
    assert (p * torch.arange(6)).sum().item() == pytest.approx(0.7 * 5)
    share = torch.bincount(kept, minlength=6) / 20_000
    assert ((share - p).abs() < 5 * (p * (1 - p) / 20_000).sqrt()).all()
    everything = LocalSearch(taken_back=1.0, cut="random")
    assert everything._kept(lengths, None).unique().tolist() == [0]
    assert everything._log_cut(torch.tensor([0]), torch.tensor([6])).item() == 0.0


def test_deterministic_moves_only_to_what_is_better():
    policy, reward = grid()
    sources = Sources(batch_size=24, sources=[OnPolicy(), LocalSearch(rounds=5)])
    fresh = sources.draw(policy, reward, iteration=0, generator=torch.Generator().manual_seed(3)).trajectories
    at = fresh.log_target[:4]
    for first in range(4, 24, 4):
        proposed = fresh.select(torch.arange(first, first + 4))
        chains = Chains(fresh.terminal[:4], at).moved(proposed, proposed.log_target > at)
        assert torch.equal(chains.log_target, torch.maximum(at, proposed.log_target))
        at = chains.log_target


def test_score_of_a_trajectory_is_that_of_the_golden_dag():
    """The path (0,0) -> (1,0) -> (1,1) -> stop: soft return 6.783361."""
    dag = golden_dag()
    scores = score_of(dag.trajectories, dag.trajectories.log_target, dag.policy)
    assert ((scores + 6.783361).abs() < 1e-5).sum() == 1


def golden_scored(dag, t):
    position = t.terminal.position
    return replace(t, log_reward=dag.log_reward[position[:, 0] * 3 + position[:, 1]])


@pytest.mark.parametrize(
    ("search", "lasts"),
    [
        (LocalSearch(rounds=2, accept="metropolis"), True),
        (LocalSearch(rounds=2, accept="metropolis", cut="random"), True),
        (LocalSearch(rounds=2, accept="metropolis", cut="random", taken_back=0.8), True),
        (LocalSearch(rounds=2, accept="deterministic", cut="random"), False),
    ],
    ids=["fixed", "random", "most", "deterministic"],
)
def test_metropolis_keeps_the_target(search, lasts):
    """40,000 chains that start at R/Z on the golden DAG (P_F and P_B given) are there after three moves (5 sigma)."""
    dag, n = golden_dag(), 40_000
    g = torch.Generator().manual_seed(0)
    p = dag.log_reward.softmax(0)
    index = torch.multinomial(p, n, replacement=True, generator=g)
    start = dag.environment.initial(n)
    start = replace(start, position=torch.stack([index // 3, index % 3], 1))
    at = Chains(start, dag.log_reward[index])
    for _ in range(3):
        old = Sampler(dag.environment).backward(dag.policy, at.terminal, generator=g)
        kept = search._kept(old.lengths, g)
        new = golden_scored(dag, rebuild(dag.policy, old, kept, g))
        accepted = search._accepts(dag.policy, at, old, new, kept, g)
        assert 0.1 < accepted.double().mean() < 0.9
        at = at.moved(new, accepted)
    share = torch.bincount(dag.environment.index(at.terminal), minlength=9) / n
    assert bool(((share - p).abs() < 5 * (p * (1 - p) / n).sqrt()).all()) == lasts


def test_metropolis_with_a_random_cut_finds_the_target_from_anywhere():
    """All 10,000 chains start at the source; 60 moves later their law is R/Z within 5 sigma."""
    dag, n = golden_dag(), 10_000
    g = torch.Generator().manual_seed(1)
    search = LocalSearch(rounds=60, accept="metropolis", cut="random", taken_back=0.8)
    first = golden_scored(dag, Sampler(dag.environment).forward(dag.policy, n, generator=g))
    at = Chains(first.terminal, first.log_target)
    for _ in range(60):
        old = Sampler(dag.environment).backward(dag.policy, at.terminal, generator=g)
        kept = search._kept(old.lengths, g)
        new = golden_scored(dag, rebuild(dag.policy, old, kept, g))
        at = at.moved(new, search._accepts(dag.policy, at, old, new, kept, g))
    p = dag.log_reward.softmax(0)
    share = torch.bincount(dag.environment.index(at.terminal), minlength=9) / n
    assert ((share - p).abs() < 5 * (p * (1 - p) / n).sqrt()).all()


def test_with_replay_and_exploration():
    policy, reward = grid()
    sources = Sources(
        batch_size=16,
        sources=[
            Explored(epsilon=0.2),
            LocalSearch(rounds=3, accept="metropolis"),
            UniformReplay(share=0.5, capacity=100),
        ],
    )
    for iteration in range(3):
        batch = sources.draw(policy, reward, iteration=iteration, state_rewards=True).trajectories
        counts = [batch.source.count(word) for word in ("policy", "local_search", "replay")]
        assert counts == ([4, 12, 0] if iteration == 0 else [2, 6, 8])
        assert len(batch.log_reward_state) == len(batch.states)
        complete(policy.environment, batch)
    assert len(sources.off_policy_reasons) == 3


@pytest.mark.parametrize(("batch_size", "replay"), [(7, []), (14, [UniformReplay(share=0.5)])])
def test_rounds_that_find_no_room_are_refused(batch_size, replay):
    with pytest.raises(ConfigError, match=r"`local_search`: has 7 rounds, but only 7 trajectories"):
        Sources(batch_size=batch_size, sources=[OnPolicy(), *replay, LocalSearch(rounds=7)])


def test_seeded():
    policy, reward = grid()
    sources = Sources(batch_size=16, sources=[OnPolicy(), LocalSearch(rounds=3, accept="metropolis", cut="random")])
    a, b, c = (
        sources.draw(policy, reward, iteration=0, generator=torch.Generator().manual_seed(s)).trajectories
        for s in (1, 1, 2)
    )
    assert torch.equal(a.actions, b.actions)
    assert not torch.equal(a.lengths, c.lengths) or not torch.equal(a.actions, c.actions)
