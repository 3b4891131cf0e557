"""Guides: proper distributions, by enumeration; what they remember, and for how long."""

import random
from collections import Counter, defaultdict
from dataclasses import replace
from math import exp, log

import pytest
import torch
from tests.environments.strides import Strides

import molgfn
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.errors import ConfigError, TrainingError
from molgfn.experiment import assemble
from molgfn.policies.log_z import LogZ
from molgfn.policies.mlp import MLPPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import golden_dag
from molgfn.training.guides.ancestors import ancestors
from molgfn.training.guides.forward_policy import ForwardPolicyGuide
from molgfn.training.guides.hash_table import HashTable, first_of_each
from molgfn.training.guides.stored_rewards import StoredRewardsGuide
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate_backward
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.sampler import Sampler, flat

SYMMETRIC = [["C", [0]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["C1CNCCN1", [2, 5]]]


class AnyPolicy(TabularPolicy):
    """Random P_F and P_B for states without an index: a logit per hash and action."""

    def __init__(self, environment, seed=0):
        torch.nn.Module.__init__(self)
        self.environment, self.seed, self.learned_backward = environment, seed, True
        self.log_z = LogZ().double()

    def forward(self, states, *, forward=True, backward=False, flow=False):
        from molgfn.policies.base import PolicyOutput
        from molgfn.policies.distributions import Categorical

        def table(mask, k):
            place = torch.arange(mask.shape[1])
            key = (self.environment.hashes(states) % 1009).double()[:, None]
            return Categorical(torch.sin(1.7 * place + key + k), mask)

        return PolicyOutput(
            forward=table(self.environment.forward_mask(states), 0) if forward else None,
            backward=table(self.environment.backward_mask(states), 1) if backward else None,
        )


def environments():
    return {
        "grid": HyperGrid(dimensions=2, side=4),
        "strings": Strings(alphabet="AB", length=4, mode="prepend_append"),
        "slots": Strings(alphabet="AB", length=3, mode="any_slot"),
        "fragments": Fragments(vocabulary=SYMMETRIC, max_fragments=4),
        "not graded": Strides(dimensions=2, side=4),
    }


def all_backward(environment, terminal):
    """Every backward trajectory from one terminal state, as a batch of ``Trajectories``."""
    paths = []

    def walk(state, path):
        mask = environment.backward_mask(state)[0]
        if not mask.any():
            paths.append(path)
        for back in mask.nonzero().flatten():
            before = environment.undo(state, back[None])
            action = environment.forward_action(state, back[None], before)
            walk(before, [(before, action, back[None]), *path])

    stop = torch.tensor([environment.stop_action])
    walk(terminal, [(terminal, stop, torch.tensor([0]))])
    steps = [(s, a, b, k, t) for k, path in enumerate(paths) for t, (s, a, b) in enumerate(path)]
    return flat(
        states=type(terminal).cat([s for s, *_ in steps]),
        actions=torch.cat([a for _, a, *_ in steps]),
        backward_actions=torch.cat([b for _, _, b, *_ in steps]),
        exits=torch.tensor([s is terminal for s, *_ in steps]),
        trajectory=torch.tensor([k for *_, k, _ in steps]),
        step=torch.tensor([t for *_, t in steps]),
        n=len(paths),
    )


def drawn(environment, n, seed=0):
    """A scored batch of a random policy; the reward is a function of the object's hash."""
    t = Sampler(environment).forward(AnyPolicy(environment), n, generator=torch.Generator().manual_seed(seed))
    reward = (environment.hashes(t.terminal) % 97).double() / 20
    return replace(t, log_reward=reward, log_symmetry=torch.zeros_like(reward))


def by_hand(environment, trajectories, batch, *, temperature=1.0, floor=1e-5):
    """log P_G of "uniform" per step from sets and dictionaries: states by their keys, containers by recursion."""

    def below(state, into):
        for back in environment.backward_mask(state)[0].nonzero().flatten():
            before = environment.undo(state, back[None])
            into.add(environment.keys(before)[0])
            below(before, into)
        return into

    rewards, holds = {}, {}
    for b in range(len(batch)):
        state = batch.terminal[torch.tensor([b])]
        key = environment.keys(state)[0]
        rewards[key] = exp(batch.log_reward[b].item())
        holds[key] = below(state, {key})
    top = max(rewards.values())

    def score(part, x):
        values = [r for k, r in rewards.items() if part in holds[k] and k != x]
        return max(sum(values) / len(values) / top if values else 0.0, floor) ** temperature

    out = torch.zeros(len(trajectories.actions), dtype=torch.float64)
    x = trajectories.terminal[torch.tensor([0])]
    x_key = environment.keys(x)[0]
    edges, seen = defaultdict(Counter), set()

    def walk(state):
        child = environment.keys(state)[0]
        if child in seen:
            return
        seen.add(child)
        for back in environment.backward_mask(state)[0].nonzero().flatten():
            before = environment.undo(state, back[None])
            edges[environment.keys(before)[0]][child] += 1
            walk(before)

    walk(x)
    keys = list(environment.keys(trajectories.states))
    for row in (~trajectories.exits).nonzero().flatten().tolist():
        total = sum(n * score(c, x_key) for c, n in edges[keys[row]].items())
        out[row] = log(score(keys[row + 1], x_key) / total)
    return out


# ------------------------------------------------------------------------------------------- tables and ancestors


def test_hash_table_is_a_dictionary():
    draw = random.Random(0)
    table, plain = HashTable(2), {}
    for _ in range(30):
        n = draw.randint(1, 20)
        keys = torch.tensor([draw.choice([-1, 1]) * draw.randint(0, 40) * 2**55 for _ in range(n)])
        values = torch.rand(n, 2, dtype=torch.float64)
        table.add(keys, values)
        for k, v in zip(keys.tolist(), values, strict=True):
            plain[k] = plain.get(k, torch.zeros(2, dtype=torch.float64)) + v
        asked = torch.tensor([draw.choice([-1, 1]) * draw.randint(0, 60) * 2**55 for _ in range(40)])
        found, known = table.find(asked)
        for k, v, there in zip(asked.tolist(), found, known.tolist(), strict=True):
            assert there == (k in plain)
            torch.testing.assert_close(v, plain.get(k, torch.zeros(2, dtype=torch.float64)))
    assert len(table) == len(plain)
    assert table.keys.tolist() == sorted(plain)


def test_first_of_each():
    assert first_of_each(torch.tensor([5, -2, 5, 7, -2, 0])).tolist() == [0, 1, 3, 5]


@pytest.mark.parametrize("name", environments())
def test_ancestors_are_all_that_backward_actions_lead_to(name):
    environment = environments()[name]
    terminal = drawn(environment, 6).terminal
    graph = ancestors(environment, terminal, 10_000)
    assert graph.complete.all()
    assert torch.equal(graph.hashes[:6], environment.hashes(terminal))
    for b in range(6):
        paths = all_backward(environment, terminal[torch.tensor([b])])
        nodes = graph.owner == b
        assert sorted(graph.hashes[nodes].tolist()) == sorted(set(environment.hashes(paths.states).tolist()))
        # as many paths down the graph as there are sequences of backward actions
        parents = defaultdict(list)
        for child, parent in zip(graph.child.tolist(), graph.parent.tolist(), strict=True):
            parents[child].append(parent)

        def count(node, parents=parents):
            return sum(map(count, parents[node])) if parents[node] else 1

        assert count(b) == len(paths)


def test_ancestors_beyond_the_limit_are_cut_off():
    environment = HyperGrid(dimensions=2, side=8)
    states = environment.states_of(torch.tensor([[1, 1], [7, 7], [2, 2]]))
    graph = ancestors(environment, states, 9)
    assert graph.complete.tolist() == [True, False, True]
    whole = ancestors(environment, states, 64)
    assert whole.complete.all()
    assert torch.bincount(whole.owner).tolist() == [4, 64, 9]


# ------------------------------------------------------------------------------------------- stored rewards


@pytest.mark.parametrize("unmatched", ["backward", "uniform"])
@pytest.mark.parametrize("stored", [0, 1, 5, 40])
@pytest.mark.parametrize("name", environments())
def test_the_guide_is_a_distribution_over_the_trajectories_to_an_object(name, stored, unmatched):
    environment = environments()[name]
    policy = AnyPolicy(environment)
    guide = StoredRewardsGuide(unmatched=unmatched)
    if stored:
        guide.observe(drawn(environment, stored, seed=1), policy)
    for b in range(8):
        t = all_backward(environment, drawn(environment, 8).terminal[torch.tensor([b])])
        log_p = guide.log_prob(t, policy)
        assert (log_p[t.exits] == 0).all()
        total = torch.zeros(len(t), dtype=torch.float64).index_add(0, t.trajectory, log_p).exp().sum()
        assert total.item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("name", environments())
def test_the_guide_by_hand(name, temperature):
    environment = environments()[name]
    policy, batch = AnyPolicy(environment), drawn(environment, 12, seed=1)
    guide = StoredRewardsGuide(unmatched="uniform", temperature=temperature)
    for part in batch.select(torch.arange(5)), batch.select(torch.arange(3, 12)):  # in two goes, some twice
        guide.observe(part, policy)
    for b in (0, 3, 7):
        t = all_backward(environment, batch.terminal[torch.tensor([b])])
        wanted = by_hand(environment, t, batch, temperature=temperature)
        torch.testing.assert_close(guide.log_prob(t, policy), wanted, rtol=0, atol=1e-9)


def strings(environment, texts, log_reward):
    terminal = environment.states_of(texts)
    t = Sampler(environment).backward(AnyPolicy(environment), terminal, generator=torch.Generator().manual_seed(0))
    return replace(t, log_reward=torch.tensor(log_reward, dtype=torch.float64))


def log_pb(trajectories, policy):
    """log P_B of every step, [S]."""
    scored = replace(trajectories, log_reward=torch.zeros(len(trajectories), dtype=torch.float64))
    table = evaluate_backward(scored, policy)[LogPB].detach()
    return table[trajectories.trajectory, trajectories.step]


def test_a_step_by_step_example():
    """x = ABA; ABB and BAB are known, and ABA itself, which is left out."""
    environment = Strings(alphabet="AB", length=3, mode="prepend_append")
    policy = AnyPolicy(environment)
    batch = strings(environment, ["ABB", "BAB", "ABA"], [log(3), log(1), log(100)])
    t = all_backward(environment, batch.terminal[torch.tensor([2])])
    own = log_pb(t, policy)
    text = ["".join("AB"[c] for c in s if c >= 0) for s in t.states.symbols.tolist()]
    uniform, guide, alone = StoredRewardsGuide(unmatched="uniform"), StoredRewardsGuide(), StoredRewardsGuide()
    uniform.observe(batch, policy)
    guide.observe(batch, policy)
    alone.observe(batch.select(torch.tensor([2])), policy)
    # of what is known beside ABA, with R = 3 for ABB and 1 for BAB: A and B are in both, AB is in both, BA in BAB alone
    mean = {"A": 2.0, "B": 2.0, "AB": 2.0, "BA": 1.0}
    for row, (p, by_scores) in enumerate(zip(guide.log_prob(t, policy), uniform.log_prob(t, policy), strict=True)):
        before, after = text[row], text[row + 1] if row + 1 < len(text) else ""
        if before == "":  # each letter by two edges, to the left and to the right
            assert p.exp().item() == pytest.approx(mean[after] / (2 * mean["A"] + 2 * mean["B"]))
        elif len(before) == 1:  # AB and BA both come next; on the way to one of them there is no choice left
            assert by_scores.exp().item() == pytest.approx(mean[after] / (mean["AB"] + mean["BA"]))
            assert p.item() == 0
        elif len(before) == 2:  # nothing else contains ABA
            assert p.item() == pytest.approx(own[row].item(), abs=1e-12)
            assert by_scores.item() == 0
    torch.testing.assert_close(alone.log_prob(t, policy), own, rtol=0, atol=1e-12)


def test_what_nothing_contains_is_left_to_pb():
    environment = Strings(alphabet="ABC", length=3, mode="prepend_append")
    policy, guide = AnyPolicy(environment), StoredRewardsGuide()
    guide.observe(strings(environment, ["AAA", "AAB"], [0.0, 1.0]), policy)
    t = all_backward(environment, environment.states_of(["CCC"]))
    torch.testing.assert_close(guide.log_prob(t, policy), log_pb(t, policy))


def test_the_oldest_objects_are_forgotten():
    environment = environments()["strings"]
    policy = AnyPolicy(environment)
    small = StoredRewardsGuide(capacity=60)
    batches = [drawn(environment, 4, seed=s) for s in range(12)]
    for batch in batches:
        small.observe(batch, policy)
        assert len(small._entries) <= 60
    assert len(small._objects) >= 3
    again = StoredRewardsGuide()
    everything = Trajectories.cat(batches)
    keys = environment.hashes(everything.terminal)
    rows = [int((keys == k).nonzero()[0, 0]) for k in small._objects]
    again.observe(everything.select(torch.tensor(rows)), policy)
    t = batches[-1]
    torch.testing.assert_close(small.log_prob(t, policy), again.log_prob(t, policy), rtol=0, atol=1e-4)


@pytest.mark.parametrize("make", [lambda: StoredRewardsGuide(capacity=100), lambda: ForwardPolicyGuide(capacity=10)])
def test_a_guide_goes_on_bit_for_bit(make):
    environment = environments()["strings"]
    policy = AnyPolicy(environment)
    one, other = make(), make()
    for s in range(6):
        one.observe(drawn(environment, 6, seed=s), policy)
    other.load_state_dict(one.state_dict())
    for s in range(6, 10):
        batch = drawn(environment, 6, seed=s)
        one.observe(batch, policy)
        other.observe(batch, policy)
        assert torch.equal(one.log_prob(batch, policy), other.log_prob(batch, policy))


def test_objects_with_too_many_ancestors():
    environment = HyperGrid(dimensions=2, side=8)
    policy = AnyPolicy(environment)
    guide = StoredRewardsGuide(max_ancestors=9)
    stop = torch.full((2,), environment.stop_action)

    def batch(points):
        terminal = environment.states_of(torch.tensor(points))
        t = Sampler(environment).backward(policy, terminal, generator=torch.Generator().manual_seed(0))
        assert torch.equal(t.actions[t.last], stop[: len(t)])
        return replace(t, log_reward=torch.zeros(len(t), dtype=torch.float64))

    with pytest.raises(TrainingError, match="max_ancestors"):
        guide.observe(batch([[7, 7]]), policy)
    both = batch([[7, 7], [2, 2]])
    guide.observe(both, policy)
    assert guide._objects.tolist() == environment.hashes(both.terminal)[1:].tolist()
    far = StoredRewardsGuide(unmatched="uniform", max_ancestors=9)
    far.observe(both, policy)
    large = both.trajectory == 0
    torch.testing.assert_close(far.log_prob(both, policy)[large], log_pb(both, policy)[large])  # P_B itself


def test_large_objects_among_known_ones_do_not_end_a_run():
    """A batch whose only new object is too large teaches nothing, and is no reason to stop: others are known."""
    environment = HyperGrid(dimensions=2, side=8)
    policy, guide = AnyPolicy(environment), StoredRewardsGuide(max_ancestors=9)

    def seen(point):
        terminal = environment.states_of(torch.tensor([point]))
        t = Sampler(environment).backward(policy, terminal, generator=torch.Generator().manual_seed(0))
        guide.observe(replace(t, log_reward=torch.zeros(1, dtype=torch.float64)), policy)
        return guide._objects.tolist()

    known = seen([2, 2])
    assert len(known) == 1
    assert seen([7, 7]) == known


def test_a_space_of_too_many_ancestors_is_refused_before_work_starts():
    """Fifteen words into any slot: 2^15 parts of each string."""
    with pytest.raises(ConfigError, match=r"backward\.guide: each of 16 objects .* 4096 ancestors.*rl_g_forward"):
        assemble(molgfn.compose("experiments/strings/bits.yaml", "backward=rl_g", "policy.hidden=16"))
    streams = []
    for backward in ("rl_g", "rl_g_forward"):  # to ask uses up no random number of the run
        assemble(molgfn.compose("experiments/hypergrid/tb.yaml", f"backward={backward}", "policy.hidden=16"))
        streams.append(torch.get_rng_state())
    assert torch.equal(*streams)


def test_large_and_tiny_rewards_stay_in_range():
    environment = Strings(alphabet="AB", length=3, mode="prepend_append")
    policy = AnyPolicy(environment)
    values = []
    for shift in (-2000.0, 0.0, 2000.0):
        guide = StoredRewardsGuide()
        for text, r in (("ABB", 1.0), ("BAB", 0.0), ("AAA", 3.0)):
            guide.observe(strings(environment, [text], [r + shift]), policy)
        values.append(guide.log_prob(strings(environment, ["ABA", "AAA"], [0.0, 0.0]), policy))
    torch.testing.assert_close(values[0], values[1], rtol=0, atol=1e-9)
    torch.testing.assert_close(values[2], values[1], rtol=0, atol=1e-9)


# ------------------------------------------------------------------------------------------- P_F as a guide


def test_forward_guide_caps_the_stop_at_low_rewards():
    dag = golden_dag()
    # known: (0,0) with R 1, (1,1) with R 7, (0,1) with R 4
    known = dag.trajectories.select(torch.tensor([
        next(i for i, k in enumerate(dag.trajectories.keys) if k == key) for key in ("0 0", "1 1", "0 1")
    ]))  # fmt: skip
    guide = ForwardPolicyGuide(threshold=log(4), quantile=None)
    guide.observe(known, dag.policy)
    log_p = guide.log_prob(dag.trajectories, dag.policy)
    states = dag.trajectories.states
    index = dag.environment.index(states)
    table = dag.policy(states).forward.log_probs().detach()
    for row, s in enumerate(index.tolist()):
        action = dag.trajectories.actions[row].item()
        if action == 2:
            assert log_p[row] == 0
            continue
        stop = table[row, 2].exp().item()
        low = s != 4  # all but (1,1) are low or unknown
        total = 1 - stop + min(stop, 1e-5) if low else 1.0
        assert log_p[row].item() == pytest.approx(table[row, action].item() - log(total), abs=1e-12)


def test_forward_guide_threshold_by_quantile():
    dag = golden_dag()
    guide = ForwardPolicyGuide(quantile=0.5)
    assert guide.low == -torch.inf
    guide.observe(dag.trajectories, dag.policy)
    assert guide.low == dag.log_reward.sort().values[3]  # 4 of 9 objects are at or below it
    with pytest.raises(ConfigError, match="either threshold or quantile"):
        ForwardPolicyGuide(threshold=0.0)
    with pytest.raises(ConfigError, match="either threshold or quantile"):
        ForwardPolicyGuide(quantile=None)


def test_forward_guide_forgets_the_oldest():
    environment = environments()["strings"]
    policy, guide = AnyPolicy(environment), ForwardPolicyGuide(capacity=5)
    for s in range(20):
        guide.observe(drawn(environment, 3, seed=s), policy)
        assert len(guide._order) == len(guide._known) <= 5
    assert guide._known.find(environment.hashes(drawn(environment, 3, seed=19).terminal))[1].all()


def test_forward_guide_with_a_network():
    """Factorised and dense distributions alike: probabilities of all actions at a capped state sum to 1."""
    environment = HyperGrid(dimensions=2, side=4)
    torch.manual_seed(0)
    policy = MLPPolicy(environment=environment, learned_backward=True, hidden=8, layers=1)
    t = Sampler(environment).forward(policy, 32, generator=torch.Generator().manual_seed(0))
    log_p = ForwardPolicyGuide().log_prob(t, policy)
    assert not log_p.requires_grad
    table = policy(t.states).forward.log_probs()
    construction = ~t.exits
    ratio = (log_p - table.gather(1, t.actions[:, None]).squeeze(1))[construction]
    total = 1 - table[construction, 2].exp() + 1e-5
    torch.testing.assert_close(ratio.exp(), 1 / total, rtol=1e-5, atol=0)
