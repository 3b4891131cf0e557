"""Where pairs come from: tables of judgements, the run's oracle, steps that are made worse, and earlier iterates."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError, DataError
from molgfn.oracles.properties.qed import QED
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.rewards.power import Power
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.pairs import code_of
from molgfn.trajectories.sources.base import Context
from molgfn.trajectories.sources.on_policy import OnPolicy
from molgfn.trajectories.sources.preferences.given_pairs import PreferencePairs
from molgfn.trajectories.sources.preferences.judge import Judge
from molgfn.trajectories.sources.preferences.judged_molecules import JudgedMolecules
from molgfn.trajectories.sources.preferences.judged_pairs import JudgedPairs
from molgfn.trajectories.sources.preferences.self_play import SelfPlayPairs
from molgfn.trajectories.sources.preferences.step_pairs import StepPairs

AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]
TABLE = """chosen,rejected,answer
CCCC,CCO,
CC,CCCCCO,tie
C(C)C,CCC,
CCO,CCCCO,chosen
CCCCO,CCO,
CCN,CCO,
CCO,XX,
CCCO,CC,skip
CCCC,CCCO,0.8
CCCC,CCCO,perhaps
"""


@pytest.fixture(scope="module")
def policy():
    torch.manual_seed(0)
    environment = Fragments(vocabulary=AMBIGUOUS, max_fragments=4)
    return GraphTransformerPolicy(environment=environment, width=16, layers=1, heads=2)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text(TABLE)
    return str(path)


@pytest.fixture
def molecules(tmp_path):
    path = tmp_path / "good.smi"
    path.write_text("CCCC\nCCO\nCC\nCCCCCO\nCCCO\n")
    return str(path)


def context(policy, seed=0, **more):
    streams = {name: torch.Generator().manual_seed(seed) for name in ("generator", "choices")}
    return Context(policy=policy, reward=Power(oracle=QED(), beta=4), **streams, **more)


def require_whole(t, environment):
    """Every step leads to the next state, the last is the exit, and what undoes a step undoes it."""
    inner = ~t.exits
    keys = environment.keys(t.states)
    after = environment.keys(environment.step(t.states, t.actions))
    rows = inner.nonzero().squeeze(1)
    assert [after[i] for i in rows.tolist()] == [keys[i + 1] for i in rows.tolist()]
    back = environment.undo(t.states[rows + 1], t.backward_actions[rows])
    assert environment.keys(back) == [keys[i] for i in rows.tolist()]
    assert torch.equal(t.exits.nonzero().squeeze(1), t.last)
    assert bool(environment.is_initial(t.states[t.last - t.lengths + 1]).all())


def test_what_is_no_pair_is_counted_and_named(policy, table):
    source = PreferencePairs(pairs=table)
    source.prepare(policy.environment)
    assert (source.report.rows, len(source)) == (10, 3)
    assert {reason: out.lines for reason, out in source.report.left_out.items()} == {
        "same molecule": [4],
        "contradictory": [5, 6],
        "outside the environment": [7],
        "not a SMILES": [8],
        "skipped": [9],
        "not an answer": [11],
    }
    assert "line 6 prefers the other" in source.report.left_out["contradictory"].example
    votes = PreferencePairs(pairs=table, contradictory="keep")
    votes.prepare(policy.environment)
    assert len(votes) == 5


def test_a_table_of_which_nothing_is_left_is_refused(policy, tmp_path):
    (tmp_path / "a.csv").write_text("chosen,rejected\nCCN,CCO\nCC,CC\n")
    with pytest.raises(DataError, match=r"can learn from no pair[^$]*outside the environment, line 2"):
        PreferencePairs(pairs=str(tmp_path / "a.csv")).prepare(policy.environment)
    (tmp_path / "b.csv").write_text("chosen,loser\nCCN,CCO\n")
    with pytest.raises(DataError, match=r"no column 'rejected'; the columns are: chosen, loser"):
        PreferencePairs(pairs=str(tmp_path / "b.csv")).prepare(policy.environment)
    (tmp_path / "c.smi").write_text("CCO CC\n")
    with pytest.raises(DataError, match="column"):
        PreferencePairs(pairs=str(tmp_path / "c.smi")).prepare(policy.environment)


@pytest.mark.parametrize("redraw", [True, False])
def test_pairs_come_side_by_side_with_their_labels(policy, table, redraw):
    source, environment = PreferencePairs(pairs=table, redraw=redraw), policy.environment
    t = source.draw(context(policy, given_rewards=False), 6)
    assert t.pairs.number.tolist() == [1, -1, 2, -2, 3, -3]
    built = {
        frozenset((a, b)): y for a, b, y in zip(t.keys[::2], t.keys[1::2], t.pairs.label[::2].tolist(), strict=True)
    }
    assert built == {
        frozenset(("CCCC", "CCO")): 1.0,
        frozenset(("CC", "CCCCCO")): 0.5,
        frozenset(("CCCC", "CCCO")): 0.8,
    }
    objects = environment.objects(t.terminal)
    assert [m.smiles for m in objects] == t.keys
    torch.testing.assert_close(t.log_symmetry, environment.log_symmetry(t.terminal, objects))
    assert t.log_symmetry.abs().max() > 0
    require_whole(t, environment)


def test_a_batch_that_is_no_whole_pairs_and_a_reward_that_is_read(policy, table):
    odd = Sources(batch_size=7, sources={"policy": OnPolicy(), "preferences": PreferencePairs(pairs=table)})
    assert "no whole pairs" in odd.misfits(policy)[0]
    missing = Sources(batch_size=8, sources={"policy": OnPolicy(), "preferences": PreferencePairs()})
    assert "give a table" in missing.misfits(policy)[0]
    sources = Sources(
        batch_size=8, sources={"policy": OnPolicy(), "preferences": PreferencePairs(pairs=table, share=0.5)}
    )
    batch = sources.draw(policy, Power(oracle=QED(), beta=4), iteration=0, generator=torch.Generator().manual_seed(0))
    assert batch.trajectories.pairs.number.tolist()[:4] == [0] * 4
    assert bool((batch.trajectories.log_reward < 0).all())


def test_a_judge_with_noise_and_ties(policy):
    """Davidson's model by hand, and how often each answer comes."""
    log_reward = torch.tensor([0.3, -1.0], dtype=torch.float64)
    judge = Judge(noise=0.5, ties=0.7)
    win, tie = judge.odds(log_reward)
    a, b = math.exp(0.6), math.exp(-2.0)
    whole = a + b + 0.7 * math.sqrt(a * b)
    assert (float(win), float(tie)) == pytest.approx((a / whole, 0.7 * math.sqrt(a * b) / whole))
    win, tie = Judge(noise=0).odds(torch.tensor([1.0, 2.0, 2.0, 1.0, 1.0, 1.0]))
    assert (win.tolist(), tie.tolist()) == ([0, 1, 0], [0, 0, 1])
    context_ = context(policy)
    rewarded = JudgedPairs(noise=0.5, ties=0.7).draw(context_, 400)
    t = rewarded.trajectories
    win, tie = judge.odds(t.log_reward)
    different = torch.tensor([x != y for x, y in zip(t.keys[::2], t.keys[1::2], strict=True)])
    number, label = t.pairs.number[::2], t.pairs.label[::2]
    assert torch.equal(number != 0, different)
    assert torch.equal(t.pairs.dropped, torch.where(different, 0, 1).repeat_interleave(2))  # "same_object"
    assert 0 < int((~different).sum()) < 200
    tied = (label == 0.5) & different
    first = (label == 1) & (number > 0)
    for got, p in ((tied, tie), (first, win)):
        p = p[different]
        assert abs(float(got.double().sum() - p.sum())) < 4 * float((p * (1 - p)).sum().sqrt())
    expected = JudgedPairs(answers="expected").draw(context(policy), 8).trajectories
    gap = expected.log_reward[::2] - expected.log_reward[1::2]
    torch.testing.assert_close(expected.pairs.label[::2], torch.sigmoid(gap))


def test_given_molecules_are_judged(policy, tmp_path):
    """All but what is left out come once in a pass, chosen as the rewards say; each different one is measured once."""
    (tmp_path / "given.smi").write_text("CCCC\nCCO\nCC\nCCCCCO\nCCCO\nXX\nCCN\nOCC\nCCC\n")
    source = JudgedMolecules(molecules=str(tmp_path / "given.smi"), noise=0.0)
    asked = context(policy, given_rewards=False)
    t = source.draw(asked, 6).trajectories
    report = source.given.report
    assert (report.kept, report.entries, len(report.left_out)) == (6, 9, 3)
    assert {reason: out.lines for reason, out in report.left_out.items()} == {
        "not a SMILES": [6], "outside the environment": [7], "same object": [8],
    }  # fmt: skip
    require_whole(t, policy.environment)
    assert sorted(t.keys) == sorted(["CCCC", "CCO", "CC", "CCCCCO", "CCCO", "CCC"])
    better = t.log_reward[::2] > t.log_reward[1::2]
    assert torch.equal(t.pairs.number[::2] > 0, better)
    assert t.pairs.label.tolist() == [1.0] * 6
    source.draw(asked, 6)
    assert (asked.reward.counters.raw, asked.reward.counters.unique) == (12, 6)


def test_two_of_the_same_molecule_and_what_has_no_value_are_no_pair(policy, tmp_path):
    class NoLong(QED):
        def values(self, objects):
            long = [len(molecule.smiles) > 3 for molecule in objects]
            return np.where(long, math.nan, super().values(objects))

    (tmp_path / "given.smi").write_text("CCCC\nCCO\nCC\n")
    reward = Power(oracle=NoLong(), beta=4)
    source = JudgedMolecules(molecules=str(tmp_path / "given.smi"), answers="expected")
    streams = {name: torch.Generator().manual_seed(0) for name in ("generator", "choices")}
    t = source.draw(Context(policy=policy, reward=reward, **streams), 120).trajectories
    two = list(zip(t.keys[::2], t.keys[1::2], strict=True))
    why = [2 * (a == b) or 1 * ("CCCC" in (a, b)) for a, b in two]
    code = {0: 0, 2: code_of("same_object"), 1: code_of("no_value")}
    assert t.pairs.dropped[::2].tolist() == [code[w] for w in why]
    assert t.pairs.dropped[1::2].tolist() == [code[w] for w in why]
    assert {0, 1, 2} == set(why)
    gap = t.log_reward[::2] - t.log_reward[1::2]
    torch.testing.assert_close(t.pairs.label[::2], torch.sigmoid(gap))


def test_one_molecule_is_no_pair(policy, tmp_path):
    (tmp_path / "given.smi").write_text("CCCC\nCCN\n")
    with pytest.raises(
        DataError, match=r"no pair, since CCCC is the only molecule[^$]*outside the environment, line 2"
    ):
        JudgedMolecules(molecules=str(tmp_path / "given.smi")).prepare(policy.environment)


@pytest.mark.parametrize("rejected", ["random", "checkpoint", "corruption"])
def test_rejected_steps_leave_at_a_shared_state(policy, molecules, rejected):
    environment = policy.environment
    source = StepPairs(molecules=molecules, rejected=rejected, weak="of the test" if rejected == "checkpoint" else None)
    weak = policy.copy()
    drawn = source.draw(context(policy, given_rewards=False, frozen={"weak": weak}), 40)
    t = drawn if rejected != "corruption" else drawn.trajectories
    require_whole(t, environment)
    start, keys = (t.last - t.lengths + 1).tolist(), environment.keys(t.states)
    after = environment.keys(environment.step(t.states, t.actions))
    real = 0
    for i in range(0, 40, 2):
        s = int(t.pairs.step[i])
        one, two = start[i], start[i + 1]
        assert keys[one : one + s + 1] == keys[two : two + s + 1]
        assert torch.equal(t.actions[one : one + s], t.actions[two : two + s])
        if t.pairs.number[i] == 0:
            continue
        real += 1
        ends = bool(t.exits[one + s]), bool(t.exits[two + s])
        assert ends != (True, True)
        assert after[one + s] != after[two + s] or ends[0] != ends[1]
        if rejected == "corruption":
            assert t.log_reward[i + 1] < t.log_reward[i]
    assert real >= 5
    dropped, number = t.pairs.dropped[::2], t.pairs.number[::2]
    assert torch.equal(dropped != 0, number == 0)
    reasons = {2, 3} if rejected == "corruption" else {2}  # "same_step", "not_worse"
    assert set(dropped.unique().tolist()) <= {0, *reasons}
    assert torch.equal(t.pairs.dropped[1::2], dropped)
    if rejected == "corruption":
        assert bool((dropped == 3).any())
        assert source.pairs == {"steps", "objects"}
        lower = t.log_reward[1::2] < t.log_reward[::2]
        assert not bool((t.pairs.number[::2] != 0)[~lower].any())
    else:
        assert not bool(t.log_reward.any())


def test_self_play_says_how_likely_its_opponent_is(policy, molecules):
    """Newest iterate, the mixture of the last two, and the geometric mean of two policies at each state, by hand."""
    environment, moving = policy.environment, policy.copy()
    source = SelfPlayPairs(molecules=molecules, round=2, mixing=0.25, history=2)
    first = source.draw(context(moving, given_rewards=False), 8)
    torch.testing.assert_close(first.pairs.log_opponent, log_prob(first, policy), rtol=1e-5, atol=1e-5)
    require_whole(first, environment)
    with torch.no_grad():
        for p in moving.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
    same = source.draw(context(moving, given_rewards=False, iteration=1), 8)
    torch.testing.assert_close(same.pairs.log_opponent, log_prob(same, policy), rtol=1e-5, atol=1e-5)
    t = source.draw(context(moving, given_rewards=False, iteration=2), 8)
    tables = [p(t.states).forward.log_probs() for p in (policy, moving)]
    together = (0.25 * tables[0] + 0.75 * tables[1]).nan_to_num(nan=-math.inf).flatten(1).log_softmax(1)
    together = SimpleNamespace(log_p=together.view(tables[0].shape))
    taken = together.log_p[(torch.arange(len(t.states)), *t.actions.view(len(t.states), -1).T)].double()
    mixed = torch.zeros(8, dtype=torch.float64).index_add(0, t.trajectory, taken)
    want = torch.logsumexp(torch.stack([log_prob(t, policy), mixed]), 0) - math.log(2)
    torch.testing.assert_close(t.pairs.log_opponent, want.detach(), rtol=1e-4, atol=1e-4)

    again = SelfPlayPairs(molecules=molecules, round=2, mixing=0.25, history=2)
    again.prepare(environment)
    again.load_state_dict(source.state_dict(), environment)
    one, two = (s.draw(context(moving, given_rewards=False, iteration=3), 8) for s in (source, again))
    assert torch.equal(one.pairs.log_opponent, two.pairs.log_opponent)
    assert one.keys == two.keys


def log_prob(t, policy):
    with torch.no_grad():
        steps = policy(t.states).forward.log_prob(t.actions).double()
    return torch.zeros(len(t), dtype=torch.float64).index_add(0, t.trajectory, steps)


def test_what_reads_nothing_is_refused():
    with pytest.raises(ConfigError, match="rejected=checkpoint only"):
        StepPairs(molecules="a.smi", weak="runs/early")


def test_pairs_say_nothing_of_a_condition(policy, table):
    policy = SimpleNamespace(environment=SimpleNamespace(condition_size=3, kind=policy.environment.kind))
    assert "condition" in PreferencePairs(pairs=table).misfit(policy)
    assert "condition" in JudgedPairs().misfit(policy)
    assert "condition" in JudgedMolecules(molecules="a.smi").misfit(policy)
