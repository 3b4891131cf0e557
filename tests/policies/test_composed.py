"""Compositions of samplers against enumeration: exact for sums, and what they are beside the meant one for others."""

import math

import pytest
import torch
from tests.environments.hops import Hops
from tests.policies.solved import Solved

from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional
from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.errors import ConfigError, ContractError
from molgfn.evaluation.exact.answers import exact_terminal, solve_flows
from molgfn.evaluation.exact.objects import list_objects
from molgfn.evaluation.exact.reach import reach_table
from molgfn.evaluation.terminal_probability import log_terminal_probability
from molgfn.policies.composed import Composition, Member, make_rule, parse_rule
from molgfn.policies.distributions import Categorical
from molgfn.policies.graph import MessagePassingPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.trajectories.sampler import Sampler

SYMMETRIC = [["C", [0]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["C1CNCCN1", [2, 5]]]
AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]
SPACES = {
    "grid": HyperGrid(dimensions=2, side=5),
    "tree": Strings(alphabet="AB", length=4, mode="append"),
    "several_ways": Strings(alphabet="AB", length=3, mode="any_slot"),
    "symmetric": Fragments(vocabulary=SYMMETRIC, max_fragments=3),
    "ambiguous": Fragments(vocabulary=AMBIGUOUS, max_fragments=3),
}
WEIGHTS = [0.2, 0.5, 0.3]


def targets(listed, environment, count, spread=3.0):
    """log R [K] of ``count`` random rewards of different log Z, and log R' [M] of each."""
    ends = listed.ends
    symmetry = environment.log_symmetry(listed.graph.states[ends], listed.made)
    stream = torch.Generator().manual_seed(1)
    for i in range(count):
        log_r = spread * torch.randn(len(listed.keys), dtype=torch.float64, generator=stream) + 2 * i
        log_target = torch.full((len(listed.graph),), -torch.inf, dtype=torch.float64)
        log_target[ends] = log_r[listed.objects[ends]] - symmetry
        yield log_r, log_target


def solved(name, count=3):
    environment = SPACES[name]
    listed = list_objects(environment)
    log_rewards, members = [], []
    for log_r, log_target in targets(listed, environment, count):
        flows = solve_flows(listed.graph, log_target)
        policy = Solved(environment=environment, graph=listed.graph, flows=flows)
        log_rewards.append(log_r)
        members.append(Member(policy, environment, flows.log_z))
    return listed, torch.stack(log_rewards), members


def composed(members, rule, weights=None, *, learned=False):
    table = None if learned else reach_table(members)
    return Composition(members=members, rule=make_rule(rule, weights, len(members)), table=table)


def probabilities(policy, listed):
    return listed.by_object(exact_terminal(policy, listed.graph))


def random_tables(environment, count=2):
    members = []
    stream = torch.Generator().manual_seed(4)
    for _ in range(count):
        policy = TabularPolicy(environment=environment).double()
        for parameter in policy.parameters():
            parameter.data = 1.5 * torch.randn(parameter.shape, generator=stream, dtype=torch.float64)
        members.append(Member(policy.eval(), environment, 0.0))
    return members


@pytest.mark.parametrize("learned", [False, True], ids=["exact", "learned"])
@pytest.mark.parametrize("name", SPACES)
def test_sums_are_exact(name, learned):
    """P_T is sum w R / sum w Z (mean) and sum w R / Z (mixture), whichever way u_i(s) comes from exact flows."""
    listed, log_r, members = solved(name)
    w = torch.tensor(WEIGHTS, dtype=torch.float64)
    rewards = log_r.exp()
    wanted = {"mean": w @ rewards / (w @ rewards).sum(), "mixture": w @ rewards.div(rewards.sum(1, keepdim=True))}
    assert (wanted["mean"] - wanted["mixture"]).abs().sum() > 0.1, "the two are different questions"
    for rule, p in wanted.items():
        policy = composed(members, rule, WEIGHTS, learned=learned)
        torch.testing.assert_close(probabilities(policy, listed), p, atol=1e-12, rtol=0)
    mean = composed(members, "mean", WEIGHTS, learned=learned)
    assert float(mean.log_z.constant) == pytest.approx(math.log(float((w @ rewards).sum())), abs=1e-12)
    source = SPACES[name].initial(1)
    assert float(mean(source, forward=False, flow=True).log_flow) == pytest.approx(float(mean.log_z.constant), abs=1e-9)


@pytest.mark.parametrize("name", ["grid", "several_ways"])
def test_a_mixture_is_exact_of_any_policies(name):
    """No balance is needed: with the probabilities to reach a state the mixture is that of what is sampled."""
    environment = SPACES[name]
    listed, members = list_objects(environment), random_tables(environment)
    each = torch.stack([probabilities(m.policy, listed) for m in members])
    wanted = 0.3 * each[0] + 0.7 * each[1]
    here = probabilities(composed(members, "mixture", [0.3, 0.7]), listed)
    torch.testing.assert_close(here, wanted, atol=1e-12, rtol=0)
    # flow heads that say nothing about the policies: then it is not
    there = probabilities(composed(members, "mixture", [0.3, 0.7], learned=True), listed)
    assert (there - wanted).abs().sum() > 0.02


def test_without_the_probabilities_to_reach_a_state_it_is_another_distribution():
    listed, _, members = solved("grid", 2)
    same = [torch.zeros_like(m.policy.flows) for m in members]
    wanted = probabilities(composed(members, "mixture", [0.5, 0.5]), listed)
    for member, flows in zip(members, same, strict=True):
        member.policy.flows = flows
    assert (probabilities(composed(members, "mixture", learned=True), listed) - wanted).abs().sum() / 2 > 0.05


def test_huge_flows_stay_exact():
    """Rewards that span thousands of nats, far beyond what exp can hold."""
    environment = SPACES["grid"]
    listed = list_objects(environment)
    members, log_r = [], []
    for sign in (1.0, -1.0):
        values = sign * 100.0 * torch.arange(len(listed.keys), dtype=torch.float64)
        target = values[listed.objects]  # every state of a grid is an object
        flows = solve_flows(listed.graph, target)
        members.append(
            Member(Solved(environment=environment, graph=listed.graph, flows=flows), environment, flows.log_z)
        )
        log_r.append(values.log_softmax(0))
    for learned in (False, True):
        p = probabilities(composed(members, "mixture", [0.25, 0.75], learned=learned), listed)
        torch.testing.assert_close(p, 0.25 * log_r[0].exp() + 0.75 * log_r[1].exp(), atol=1e-12, rtol=0)


def test_the_others_are_g_of_the_choices_at_each_state():
    environment = SPACES["grid"]
    members, graph = random_tables(environment), enumerate_states(environment)
    table = reach_table(members)
    u = table(graph.states)[:, :, None].exp()
    z = u * torch.stack([m.policy(graph.states).forward.log_probs().exp() for m in members], 1)
    a, b = z.unbind(1)
    for rule, weights, g in (
        ("product", [1.0, 2.0], a * b**2),
        ("harmonic", [0.5, 0.5], a * b / (a + b)),
        ("contrast", [0.5, 0.5], a**2 / (a + b)),
        ("contrast", [0.2, 0.8], a**2 / (0.2 * a + 0.8 * b)),
    ):
        g = g.nan_to_num(0.0)
        here = composed(members, rule, weights)(graph.states).forward.log_probs().exp()
        torch.testing.assert_close(here, g / g.sum(1, keepdim=True), atol=1e-12, rtol=0)
    assert not make_rule("product", None, 2).needs_reach
    product = composed(members, "product", learned=True)
    torch.testing.assert_close(
        product(graph.states).forward.log_probs(), composed(members, "product")(graph.states).forward.log_probs()
    )
    with pytest.raises(ContractError, match="product has no flow"):
        product(graph.states, flow=True)


def test_where_no_member_comes_there_is_still_a_choice():
    """States that a member never reaches, and that none does: no NaN, and the others decide."""
    environment = HyperGrid(dimensions=2, side=3)
    listed = list_objects(environment)
    edge = torch.full((9,), -torch.inf, dtype=torch.float64)
    on = (listed.graph.states.position[:, 1] == 0).nonzero().squeeze(1)
    members = []
    for reward in (edge.index_fill(0, on, 0.0), torch.zeros(9, dtype=torch.float64)):
        flows = solve_flows(listed.graph, reward)
        policy = Solved(environment=environment, graph=listed.graph, flows=flows)
        policy.log_pf = policy.log_pf.clamp(min=-1e6)  # never taken, but a number
        members.append(Member(policy, environment, flows.log_z))
    p = [probabilities(m.policy, listed) for m in members]
    assert (p[0] == 0).sum() == 6
    for learned in (False, True):
        torch.testing.assert_close(
            probabilities(composed(members, "mixture", learned=learned), listed), (p[0] + p[1]) / 2, atol=1e-12, rtol=0
        )
    for rule in ("product", "harmonic", "contrast"):
        q = probabilities(composed(members, rule), listed)
        assert not q.isnan().any()
        assert float(q.sum()) == pytest.approx(1.0, abs=1e-9)
        assert float(q[p[0] == 0].sum()) < 1e-12


def graph_members(environment):
    members = []
    for seed in (3, 4):
        torch.manual_seed(seed)
        policy = MessagePassingPolicy(environment=environment, learned_backward=seed == 4, width=8, layers=1)
        for parameter in policy.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        members.append(Member(policy.eval(), environment, 0.0))
    return members


@pytest.mark.parametrize("rule", ["mixture", "harmonic"])
def test_molecules_are_drawn_as_the_exact_answer_says(rule):
    """Choices of stages, symmetric states, different P_B: the samples, exact P_T, and the estimate of log P_T agree."""
    environment = SPACES["ambiguous"]
    listed, members = list_objects(environment), graph_members(environment)
    policy = composed(members, rule, [0.4, 0.6])
    exact = probabilities(policy, listed)
    if rule == "mixture":
        each = torch.stack([probabilities(m.policy, listed) for m in members])
        torch.testing.assert_close(exact, 0.4 * each[0] + 0.6 * each[1], atol=1e-6, rtol=0)
    drawn = Sampler(environment).forward(policy, 2000, generator=torch.Generator().manual_seed(0))
    place = {key: i for i, key in enumerate(listed.keys)}
    found = torch.tensor([place[key] for key in environment.kind.keys(environment.objects(drawn.terminal))])
    share = torch.bincount(found, minlength=len(exact)) / 2000
    z = (share - exact) / (exact * (1 - exact) / 2000).sqrt()
    assert float(z[exact > 0.004].abs().max()) < 4.5
    likely = torch.argsort(exact, descending=True)[:12]
    some = environment.kind.take(listed.made, listed.first[likely].tolist())
    estimate = log_terminal_probability(
        environment, policy, some, samples=50, generator=torch.Generator().manual_seed(1)
    )
    error = (estimate.log_p - exact[likely].log()).abs()
    assert float((error / estimate.standard_error.clamp(min=1e-3)).max()) < 5


def test_each_policy_is_asked_once_at_each_step():
    environment = SPACES["grid"]
    members = random_tables(environment)
    policy = composed(members, "mixture", learned=True)
    asked = [0, 0]
    for i, member in enumerate(members):
        member.policy.register_forward_hook(lambda *_, i=i: asked.__setitem__(i, asked[i] + 1))
    drawn = Sampler(environment).forward(policy, 64, generator=torch.Generator().manual_seed(0))
    assert asked == [int(drawn.lengths.max())] * 2


def test_actions_of_several_parts():
    environment = Hops()
    listed = list_objects(environment)
    members = random_tables(environment)
    each = torch.stack([probabilities(m.policy, listed) for m in members])
    mixture = composed(members, "mixture", [0.3, 0.7])
    torch.testing.assert_close(probabilities(mixture, listed), 0.3 * each[0] + 0.7 * each[1], atol=1e-12, rtol=0)
    harmonic = composed(members, "harmonic")
    exact = probabilities(harmonic, listed)
    assert float(exact.sum()) == pytest.approx(1, abs=1e-12)
    drawn = Sampler(environment).forward(harmonic, 4000, generator=torch.Generator().manual_seed(0))
    place = {key: i for i, key in enumerate(listed.keys)}
    found = torch.tensor([place[key] for key in environment.kind.keys(environment.objects(drawn.terminal))])
    share = torch.bincount(found, minlength=len(exact)) / 4000
    assert float((share - exact).abs().sum() / 2) < 0.05


def test_one_policy_under_two_conditions():
    plain = HyperGrid(dimensions=2, side=4)
    environment = conditional(plain, Temperature())
    torch.manual_seed(0)
    policy = MLPPolicy(environment=environment, hidden=16)
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    policy = policy.double().eval()
    members = [Member(policy, environment.at({"beta": beta}), 0.0) for beta in (1.0, 64.0)]
    listed = list_objects(plain)
    each = [probabilities(policy, list_objects(m.environment)) for m in members]
    assert (each[0] - each[1]).abs().sum() > 0.05
    mixture = composed(members, "mixture", [0.3, 0.7])
    assert mixture.environment is plain
    torch.testing.assert_close(probabilities(mixture, listed), 0.3 * each[0] + 0.7 * each[1], atol=1e-12, rtol=0)


def test_tempered_choices():
    environment = SPACES["grid"]
    members, graph = random_tables(environment), enumerate_states(environment)
    for rule in ("mixture", "contrast"):
        choice = composed(members, rule)(graph.states).forward
        p = choice.log_probs().exp()
        flat = (p**0.5).div((p**0.5).sum(1, keepdim=True))
        torch.testing.assert_close(choice.tempered(2.0).log_probs().exp(), flat, atol=1e-12, rtol=0)
        legal = environment.forward_mask(graph.states)
        torch.testing.assert_close(choice.uniform().log_probs().exp(), legal / legal.sum(1, keepdim=True).double())
        frozen = choice.frozen().log_probs()
        assert torch.equal(frozen, choice.log_probs())


def test_equal_hashes_are_refused():
    class Same(HyperGrid):
        def index(self, states):
            return torch.zeros(len(states), dtype=torch.int64)

        def keys(self, states):
            return [tuple(row) for row in states.position.tolist()]

    environment = Same(dimensions=2, side=2)

    class Even:
        device = torch.device("cpu")

        def __call__(self, states, *, forward=True, backward=False, flow=False):
            mask = environment.forward_mask(states)
            return type("Out", (), {"forward": Categorical(torch.zeros(mask.shape), mask)})

    even = Even()
    even.environment = environment
    with pytest.raises(ConfigError, match="same hash"):
        reach_table([Member(even, environment)] * 2)


@pytest.mark.parametrize(
    ("rule", "weights", "says"),
    [
        ("mean", [0.3, 0.3], "should sum to 1, but 0.3, 0.3 sum to 0.6"),
        ("mixture", [1.3, -0.3], "at least 0"),
        ("mean", [1.0], "1 weights .* for 2 runs"),
        ("mean", [math.nan, 1.0], "at least 0"),
        ("product", [0.0, 1.0], "above 0"),
        ("harmonic", [0.0, 1.0], "above 0"),
        ("contrast", [0.0, 1.0], "first weight should be above 0"),
        ("average", None, "there is no `average`; there is mean, mixture, product, harmonic, contrast"),
    ],
)
def test_weights_that_do_not_suit(rule, weights, says):
    with pytest.raises(ConfigError, match=says):
        make_rule(rule, weights, 2)


def test_one_run_is_no_composition_and_mean_needs_log_z():
    with pytest.raises(ConfigError, match="at least 2"):
        make_rule("mean", None, 1)
    environment = SPACES["grid"]
    nameless = [Member(m.policy, environment) for m in random_tables(environment)]
    with pytest.raises(ConfigError, match="mean weighs rewards and needs log Z"):
        Composition(members=nameless, rule=make_rule("mean", None, 2))


def test_rules_as_people_write_them():
    assert parse_rule("mean:.3,.7") == ("mean", [0.3, 0.7])
    assert parse_rule("product") == ("product", None)
    assert make_rule("mean", None, 4).weights.tolist() == [0.25] * 4
    assert make_rule("product", None, 2).weights.tolist() == [1.0, 1.0]
    assert make_rule("mean", [0.3, 0.7], 2).in_words == "mean:0.3,0.7"
    with pytest.raises(ConfigError, match="should be numbers"):
        parse_rule("mean:a,b")
