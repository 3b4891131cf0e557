"""Environments written without a thought of conditions, under one."""

import inspect
import pickle

import pytest
import torch
from tests.environments.hops import Hops
from tests.environments.strides import Strides

from molgfn.conditions.base import Condition, Fixed
from molgfn.conditions.draws import Constant, Gamma, LogUniform, Uniform
from molgfn.conditions.encoders import SimplexWeights
from molgfn.conditions.temperature import Temperature
from molgfn.environments.actions import ActionsInParts, ListedActions
from molgfn.environments.base import Environment, States
from molgfn.environments.conditional import Conditional, conditional, under
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import GridStates, HyperGrid
from molgfn.environments.strings import Strings
from molgfn.errors import ConfigError, NotEnumerableError
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.testing import check_environment
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.local_search import rebuild
from molgfn.trajectories.sources.replay import UniformReplay

AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]
INNER = {
    "grid": lambda: HyperGrid(dimensions=2, side=4),
    "strings": lambda: Strings(alphabet="AB", length=3, mode="any_slot"),
    "fragments": lambda: Fragments(vocabulary=AMBIGUOUS, max_fragments=3),
    "not graded": lambda: Strides(dimensions=2, side=3),
    "parts": Hops,
}


class Weights(Condition):
    """Preference weights of three properties, uniform on the simplex, as a user would write it."""

    name = "the preference"
    columns = ("qed", "sa", "affinity")

    def __init__(self):
        self.encoder = SimplexWeights(3, bins=4)
        self.size = self.encoder.size

    @property
    def reference(self):
        return dict.fromkeys(self.columns, 1 / 3)

    def draw(self, n, generator=None, device="cpu"):
        e = -torch.rand(n, 3, generator=generator, device=device, dtype=torch.float64).log()
        return e / e.sum(1, keepdim=True)

    def encode(self, values):
        return self.encoder(values)

    def problem(self, values):
        return SimplexWeights.problem(list(values.values()))


@pytest.mark.filterwarnings("ignore:.*not graded")
@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("condition", [Temperature(), Weights()], ids=["temperature", "weights"])
def test_the_contract_holds_with_drawn_and_with_fixed_conditions(inner, condition):
    environment = conditional(INNER[inner](), condition)
    check_environment(environment, walks=8)
    check_environment(environment.at(), walks=8)  # exactly, too


def test_every_promise_is_passed_on():
    """A method that the contract gets later must be looked at here, too: a default may be wrong around another one."""
    own = {"with_drawn_condition", "require_enumerable"}
    for layer in (Environment, ListedActions, ActionsInParts, Enumerable):
        for name, _ in inspect.getmembers(layer, inspect.isfunction):
            assert name.startswith("_") or name in vars(Conditional) or name in own, name


@pytest.mark.parametrize("inner", INNER)
def test_it_has_the_layers_of_what_it_goes_around(inner):
    plain = INNER[inner]()
    environment = conditional(plain, Temperature())
    for layer in (ListedActions, ActionsInParts, Enumerable):
        assert isinstance(environment, layer) == isinstance(plain, layer)
        assert isinstance(environment.at(), layer) == isinstance(plain, layer)
    assert type(environment).__name__ == f"Conditional{type(plain).__name__}"
    assert environment.kind is plain.kind
    assert environment.max_steps == plain.max_steps
    again = pickle.loads(pickle.dumps(environment))
    assert type(again) is type(environment)
    assert again.condition_size == environment.condition_size
    assert conditional(plain, None) is plain


def test_conditions_are_drawn_from_the_stream_and_stay():
    environment = conditional(HyperGrid(side=4), Temperature())
    a, b, c = (environment.draw_initial(50, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(a.values, b.values)
    assert not torch.equal(a.values, c.values)
    assert len(a.values.unique()) == 50
    policy = MLPPolicy(environment=environment, hidden=8, layers=1)
    for compact in (True, False):
        t = Sampler(environment, compact=compact).forward(policy, 20, generator=torch.Generator().manual_seed(0))
        start = t.states[t.step == 0].values
        assert torch.equal(t.states.values, start[t.trajectory])
        assert len(start.unique()) == 20
        back = Sampler(environment).backward(policy, t.terminal)
        assert torch.equal(back.states.values, start[back.trajectory])
        local = rebuild(policy, back, torch.zeros(20, dtype=torch.int64))
        assert torch.equal(local.states.values, start[local.trajectory])
    redrawn = environment.with_drawn_condition(t.terminal, torch.Generator().manual_seed(5))
    assert torch.equal(redrawn.inner.position, t.terminal.inner.position)
    assert not torch.equal(redrawn.values, t.terminal.values)
    plain = HyperGrid(side=4).initial(2)
    assert HyperGrid(side=4).with_drawn_condition(plain) is plain


def test_sampling_without_a_condition_draws_what_it_drew():
    """The default source takes nothing out of the stream."""
    environment, generator = HyperGrid(side=4), torch.Generator().manual_seed(0)
    before = generator.get_state()
    environment.draw_initial(10, generator)
    assert torch.equal(before, generator.get_state())


def test_replay_and_checkpoints_keep_conditions(tmp_path):
    environment = conditional(HyperGrid(side=4), Temperature())
    policy = MLPPolicy(environment=environment, hidden=8, layers=1)
    replay, again = UniformReplay(capacity=50), UniformReplay(capacity=50)
    value_of = {}
    for seed in range(3):
        from dataclasses import replace

        t = Sampler(environment).forward(policy, 10, generator=torch.Generator().manual_seed(seed))
        keys = environment.kind.keys(environment.objects(t.terminal))
        t = replace(t, log_reward=torch.zeros(10), log_symmetry=torch.zeros(10), keys=keys)
        replay.add(t)
        value_of |= dict(zip(keys, t.terminal.values[:, 0].tolist(), strict=True))
    torch.save(replay.state_dict(), tmp_path / "replay")
    again.load_state_dict(torch.load(tmp_path / "replay", weights_only=True), environment)
    for store in (replay, again):
        drawn = store.sample(40, torch.Generator().manual_seed(0))
        assert drawn.terminal.values[:, 0].tolist() == [value_of[key] for key in drawn.keys]
        assert torch.equal(drawn.exits.nonzero().squeeze(1), drawn.last)


def test_under_one_condition_it_is_listed_as_without():
    environment = conditional(HyperGrid(side=4), Temperature())
    with pytest.raises(NotEnumerableError, match="carry the temperature"):
        enumerate_states(environment)
    fixed = environment.at({"beta": 5.0})
    graph = enumerate_states(fixed)
    assert len(graph) == 16
    assert (fixed.condition_values(graph.states)["beta"] == 5).all()
    assert sorted(fixed.index(graph.states).tolist()) == list(range(16))
    assert (fixed.draw_initial(3).values == 5).all()
    states, weight = fixed.terminal_draws(torch.tensor([[1, 2]]), seed=3)
    assert (states.values == 5).all()
    assert weight.tolist() == [0.0]
    assert (fixed.at({"beta": 7.0}).initial(1).values == 7).all()
    a, b = environment.at({"beta": 2.0}).initial(1), environment.at({"beta": 3.0}).initial(1)
    assert environment.keys(a) != environment.keys(b)
    assert environment.hashes(a) != environment.hashes(b)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"beta": 100.0}, r"beta is 100, but the temperature is drawn from 1 to 64"),
        ({"beta": 0.0}, r"beta is 0"),
        ({"gamma": 2.0}, r"there is no gamma in the temperature; it has beta"),
    ],
)
def test_what_was_never_trained_is_refused(values, says):
    with pytest.raises(ConfigError, match=says):
        conditional(HyperGrid(), Temperature()).at(values)


def test_a_condition_for_what_has_none_is_refused():
    environment = HyperGrid()
    assert under(environment) is environment
    with pytest.raises(ConfigError, match="nothing was trained under a condition"):
        under(environment, {"beta": 2.0})


@pytest.mark.parametrize("draw", [Uniform(low=2, high=8), LogUniform(low=1, high=64), Gamma(shape=2, scale=8)])
def test_draws_follow_their_distribution(draw):
    values = draw.draw(20_000, torch.Generator().manual_seed(0))
    assert values.min() >= draw.low
    assert values.max() <= draw.high
    shares = draw.share(values)
    torch.testing.assert_close(draw.value(shares), values, rtol=1e-6, atol=1e-6)
    assert torch.histc(shares, 10, 0, 1).div(20_000).sub(0.1).abs().max() < 0.012  # 5 sigma
    assert values.median().item() == pytest.approx(draw.middle, rel=0.05)
    if isinstance(draw, Gamma):
        assert values.mean().item() == pytest.approx(16, rel=0.03)


def test_a_thermometer_fills_up_and_a_plain_number_is_one():
    condition = Temperature(beta=Uniform(low=1, high=5), bins=4)
    found = condition.encode(torch.tensor([[1.0], [2.5], [5.0]], dtype=torch.float64))
    assert found.tolist() == [[0, 0, 0, 0], [1, 0.5, 0, 0], [1, 1, 1, 1]]
    plain = Temperature(beta=Uniform(low=1, high=5), encoding="plain")
    assert plain.encode(torch.tensor([[2.0]], dtype=torch.float64)).tolist() == [[0.25]]
    constant = Temperature(beta=Constant(value=3.0))
    assert constant.reference == {"beta": 3.0}
    assert constant.encode(constant.draw(2)).tolist() == [[1.0] * 32] * 2


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Temperature(encoding="plain", bins=3), "plain and has none"),
        (lambda: Temperature(reference=1000.0), "reference: beta is 1000"),
        (lambda: Uniform(low=3, high=3), "should be below high"),
        (lambda: SimplexWeights(1), "at least two"),
        (lambda: Weights().row({"qed": 0.9}), "should sum to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, says):
    with pytest.raises(ConfigError, match=says):
        make()


def test_policies_read_the_condition():
    for environment, policy in (
        (e := conditional(HyperGrid(side=4), Temperature()), MLPPolicy(environment=e, hidden=16, layers=1)),
        (
            e := conditional(INNER["fragments"](), Temperature()),
            GraphTransformerPolicy(environment=e, width=16, layers=1),
        ),
    ):
        cold, warm = (environment.at({"beta": beta}).initial(2) for beta in (60.0, 1.5))
        tables = [policy(states).forward.log_probs() for states in (cold, warm)]
        assert not torch.allclose(tables[0], tables[1], atol=1e-4)
        assert policy.log_z_of(cold).shape == (2,)


def test_nested_states_are_named_by_their_place():
    states = conditional(HyperGrid(side=4), Temperature()).initial(3)
    assert list(states.tensors()) == ["inner.position", "values"]
    assert isinstance(states.with_tensors(states.tensors()), type(states))
    both = type(states).cat([states, states[:1]])
    assert len(both) == 4
    assert isinstance(both.inner, GridStates)
    assert isinstance(both.to("cpu"), States)


def test_a_fixed_condition_draws_only_itself():
    fixed = Fixed(Temperature(), {"beta": 9.0})
    assert fixed.draw(3).tolist() == [[9.0]] * 3
    assert fixed.reference == {"beta": 9.0}
