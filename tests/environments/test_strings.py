"""Strings beyond the contract: parallel edges, numbers of states and paths, strings read back."""

import pytest
import torch

from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.strings import Strings, StringStates
from molgfn.errors import ConfigError, DataError, NotEnumerableError
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.policies.tabular import TabularPolicy
from molgfn.trajectories.sampler import Sampler

MODES = ["append", "prepend_append", "any_slot"]


@pytest.mark.parametrize(
    ("mode", "length", "alphabet", "states"),
    [
        ("prepend_append", 8, "ACGT", 87_381),  # TFBind8
        ("prepend_append", 5, "0123456789a", 177_156),  # string QM9
        ("append", 8, "ACGT", 87_381),
        ("any_slot", 3, "AB", 27),
    ],
)
def test_number_of_states(mode, length, alphabet, states):
    assert Strings(mode=mode, length=length, alphabet=alphabet).n_states == states


@pytest.mark.parametrize("mode", MODES)
def test_states_are_numbered_one_by_one(mode):
    environment = Strings(mode=mode, length=4, alphabet="ABC")
    states = enumerate_states(environment).states
    assert environment.index(states).sort().values.tolist() == list(range(environment.n_states))


def test_parallel_edges_of_homopolymers():
    """Both ways to write a symbol beside its like are edges, both ways back too: n(s) = 2^length, also of AA."""
    environment = Strings(alphabet="AB", length=3, mode="prepend_append")
    graph = enumerate_states(environment)
    name = ["".join("AB"[i] for i in row if i >= 0) for row in graph.states.symbols.tolist()]
    edges = [(name[s], name[t]) for s, t in zip(graph.source.tolist(), graph.target.tolist(), strict=True)]
    assert edges.count(("", "A")) == edges.count(("A", "AA")) == edges.count(("AA", "AAA")) == 2
    assert edges.count(("A", "AB")) == edges.count(("B", "AB")) == 1
    assert set(graph.back_parents.tolist()) == {2}
    paths = {"": 1}
    for source, target in edges:
        paths[target] = paths.get(target, 0) + paths[source]
    counted = environment.log_path_count(graph.states).exp().round().long().tolist()
    assert counted == [paths[n] for n in name] == [2 ** len(n) for n in name]


@pytest.mark.parametrize("mode", MODES)
def test_path_counts_give_equally_likely_trajectories(mode):
    """With P_B = n(s) / n(s') every way to a string has the same probability, 1 / n(x)."""
    environment = Strings(mode=mode, length=4, alphabet="AB")
    policy = TabularPolicy(environment=environment)
    t = Sampler(environment).backward(policy, environment.states_of(["AABA", "AAAA", "BBAB"]))
    log_n = environment.log_path_count(t.states)
    log_pb = (log_n - log_n.roll(-1))[~t.exits]
    assert log_pb.sum() == pytest.approx(-float(environment.log_path_count(t.terminal).sum()))


@pytest.mark.parametrize("mode", MODES)
def test_exact_flows_give_the_target(mode):
    """Terminal probabilities of exactly solved flows are R/Z over all strings, homopolymers among them."""
    environment = Strings(mode=mode, length=4, alphabet="AB")
    graph = enumerate_states(environment)
    assert int(graph.can_stop.sum()) == 16
    log_r = torch.full((len(graph),), -torch.inf, dtype=torch.float64)
    log_r[graph.can_stop] = torch.randn(16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(solve_flows(graph, log_r).log_terminal.exp(), log_r.softmax(0), atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_stop_is_certain_at_full_length_and_illegal_before(mode):
    environment = Strings(mode=mode, length=5)
    t = Sampler(environment).forward(TabularPolicy(environment=environment), 16)
    assert t.lengths.tolist() == [6] * 16
    mask = environment.forward_mask(t.terminal)
    assert mask.sum(1).tolist() == [1] * 16
    assert mask[:, environment.stop_action].all()
    assert environment.has_object(t.states).sum() == environment.stop_mask(t.states).sum() == 16


def test_strings_are_read_back():
    environment = Strings(alphabet="xyz", length=3)
    words = ["xyz", "zzz", "yxy"]
    assert environment.objects(environment.states_of(words)) == words
    assert environment.states_of([]).symbols.shape == (0, 3)
    for bad in (["xyz", "xy"], ["xyz", "xyA"]):
        with pytest.raises(DataError, match="string 2"):
            environment.states_of(bad)
    with pytest.raises(ValueError, match="not full"):
        environment.objects(StringStates(torch.tensor([[0, -1, -1]])))


def test_prepend_and_append():
    environment = Strings(alphabet="AB", length=3, mode="prepend_append")
    state = environment.initial(1)
    for action, expected in [
        (2, [0, -1, -1]),
        (1, [1, 0, -1]),
        (3, [1, 0, 1]),
    ]:  # A at the end, B before it, B after it
        state = environment.step(state, torch.tensor([action]))
        assert state.symbols.tolist() == [expected]
    assert environment.undo(state, torch.tensor([0])).symbols.tolist() == [[0, 1, -1]]
    assert environment.undo(state, torch.tensor([1])).symbols.tolist() == [[1, 0, -1]]


def test_long_strings_have_no_index_but_hashes():
    environment = Strings(alphabet="01", length=120)
    assert environment.n_states is None
    bits = torch.randint(2, (500, 120), generator=torch.Generator().manual_seed(0))
    hashes = environment.hashes(StringStates(torch.cat([bits, bits])))
    assert torch.equal(hashes[:500], hashes[500:])
    assert len(hashes.unique()) == 500
    with pytest.raises(NotEnumerableError, match="more than"):
        environment.require_enumerable()


def test_a_symbol_named_twice_is_refused():
    with pytest.raises(ConfigError, match="twice"):
        Strings(alphabet="ACGA")


@pytest.mark.parametrize(
    ("task", "alphabet", "length"),
    [
        ("tfbind8", "ACGT", 8),
        ("tfbind10", "ACGT", 10),
        ("qm9", "0123456789a", 5),
        ("seh", "0123456789abcdefgh", 6),
        ("bits", "01", 120),
    ],
)
def test_a_task_says_symbols_and_length(task, alphabet, length):
    environment = Strings(task=task)
    assert (environment.alphabet, environment.length) == (alphabet, length)
    assert Strings(task=task, length=16).length == 16
    with pytest.raises(ConfigError, match=f"strings of task {task} are made of '{alphabet}', not of 'XY'"):
        Strings(task=task, alphabet="XY")


@pytest.mark.parametrize("mode", MODES)
def test_words_are_strings_over_a_larger_alphabet(mode):
    """Words of two of AB are the four symbols of another alphabet: the same states, and the strings spelled out."""
    words, symbols = (
        Strings(alphabet="AB", length=6, mode=mode, word=2),
        Strings(alphabet="0123", length=3, mode=mode),
    )
    assert (words.n_actions, words.n_states, words.max_steps) == (
        symbols.n_actions,
        symbols.n_states,
        symbols.max_steps,
    )
    one, other = (enumerate_states(environment) for environment in (words, symbols))
    assert torch.equal(one.states.symbols, other.states.symbols)
    assert torch.equal(one.target, other.target)
    full = one.states[one.can_stop]
    spelled = ["".join(("AA", "AB", "BA", "BB")[int(i)] for i in text) for text in symbols.objects(full)]
    assert words.objects(full) == spelled
    assert torch.equal(words.states_of(spelled).symbols, full.symbols)


def test_words_must_fill_the_string():
    with pytest.raises(ConfigError, match="word: 7 symbols at a time do not make a string of 120"):
        Strings(task="bits", word=7)
    with pytest.raises(ConfigError, match="word: 2\\^20 words of 20 symbols of '01' are more than 65,536"):
        Strings(task="bits", word=20)
