"""What contains a partial object: exact answers by hand and by enumeration, and estimates against them."""

import math

import pytest
import torch
from tests.policies.solved import Solved

from molgfn.chemistry.molecules import parse
from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import GridStates, HyperGrid
from molgfn.environments.strings import Strings
from molgfn.errors import ConfigError
from molgfn.evaluation.containing import estimate_log_flow_from, estimate_marginal
from molgfn.evaluation.exact.answers import edge_log_probs, exact_target, exact_terminal, solve_flows
from molgfn.evaluation.exact.containing import (
    containing,
    exact_log_flow_from,
    exact_marginal,
    exact_terminal_from,
    place_of,
)
from molgfn.evaluation.exact.layers import Layers
from molgfn.evaluation.exact.objects import list_objects
from molgfn.policies.graph import MessagePassingPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.base import Scores

SYMMETRIC = [["C", [0]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["C1CNCCN1", [2, 5]]]
AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]
TYPED = [["c1ccccc1", [0, 3], 1], ["CO", [0], 1], ["C", [0], 1]]


class Made:
    """A reward that is a number of the key, the same in every process."""

    def log_reward(self, keys):
        return torch.tensor([(sum(map(ord, key)) % 17) / 4 for key in keys], dtype=torch.float64)

    def __call__(self, objects, keys, condition=None):
        value = self.log_reward(keys)
        return Scores(value, value.exp(), {}, [None] * len(keys))


@pytest.mark.parametrize(
    "environment",
    [
        HyperGrid(dimensions=2, side=4),
        Strings(alphabet="AB", length=3, mode="any_slot"),
        Strings(alphabet="AB", length=3, mode="prepend_append"),
        Fragments(vocabulary=SYMMETRIC, max_fragments=4),
        Fragments(vocabulary=AMBIGUOUS, max_fragments=4, symmetry="none"),
        Fragments(vocabulary=SYMMETRIC, max_fragments=3, scaffold="*c1ccc(*)cc1"),
    ],
    ids=["grid", "any_slot", "prepend_append", "symmetric", "ambiguous", "scaffold"],
)
def test_multiplicity_is_the_ratio_of_counted_paths(environment):
    graph = enumerate_states(environment)
    forward = Layers(graph).reach(torch.zeros(len(graph.source), dtype=torch.float64))
    wanted = forward - environment.log_path_count(graph.states)
    torch.testing.assert_close(environment.log_multiplicity(graph.states), wanted, atol=1e-9, rtol=0)


def test_a_grid_by_hand():
    """Above (1, 2) of a 4 x 4 grid lie 3 x 2 points."""
    environment = HyperGrid(dimensions=2, side=4)
    target = exact_target(environment, Made())
    start = place_of(environment, target.graph, GridStates(torch.tensor([[1, 2]])))
    inside = containing(target, start)
    assert sorted(key for key, here in zip(target.keys, inside.tolist(), strict=True) if here) == sorted(
        environment.kind.keys(torch.tensor([[i, j] for i in (1, 2, 3) for j in (2, 3)]))
    )
    wanted = torch.logsumexp(target.log_reward[inside], 0)
    assert exact_log_flow_from(target, start) == pytest.approx(float(wanted), abs=1e-12)
    assert exact_log_flow_from(target, 0) == pytest.approx(target.log_z, abs=1e-12)
    policy = TabularPolicy(environment=environment)
    p = target.by_object(exact_terminal(policy, target.graph))
    assert exact_marginal(target, p, start) == pytest.approx(float(p[inside].sum()), abs=1e-12)
    with pytest.raises(ConfigError, match="no state of HyperGrid"):
        place_of(environment, target.graph, GridStates(torch.tensor([[9, 9]])))


def test_molecules_that_contain_a_partial_tree():
    """Against growing the tree by all actions, one after the other: molecules are counted once."""
    environment = Fragments(vocabulary=SYMMETRIC, max_fragments=3)
    listed = list_objects(environment)
    part = environment.states_of(parse(["c1ccccc1"]))
    start = place_of(environment, listed.graph, part)
    found, layer = set(), part
    while len(layer):
        ends = layer[environment.stop_mask(layer)]
        found |= set(environment.kind.keys(environment.objects(ends)))
        row, action = environment.legal_actions(layer)
        layer = environment.step(layer[row], action)
    inside = containing(listed, start)
    assert {key for key, here in zip(listed.keys, inside.tolist(), strict=True) if here} == found
    assert 0 < len(found) < len(listed.keys)


def test_beginning_at_a_state_gives_its_supersets():
    """With exact flows: R(x) P_B(s|x) / F(s), here by the backward recursion from every x."""
    environment = HyperGrid(dimensions=2, side=4)
    target = exact_target(environment, Made())
    graph = target.graph
    flows = solve_flows(graph, target.log_target)
    policy = Solved(environment=environment, graph=graph, flows=flows)
    start = place_of(environment, graph, GridStates(torch.tensor([[1, 1]])))
    log_pf, log_stop = edge_log_probs(policy, graph)
    p = target.by_object(exact_terminal_from(graph, log_pf, log_stop, start))
    assert float(p.sum()) == pytest.approx(1, abs=1e-12)
    for k, key in enumerate(target.keys):
        (end,) = (target.objects == k).nonzero().squeeze(1).tolist()
        passes = [0.0] * len(graph)
        passes[end] = 1.0
        for state in reversed(range(len(graph))):
            for e in (graph.target == state).nonzero().squeeze(1).tolist():
                passes[int(graph.source[e])] += passes[state] / float(graph.back_parents[e])
        wanted = math.exp(float(target.log_reward[k]) - float(flows.log_flow[start])) * passes[start]
        assert float(p[k]) == pytest.approx(wanted, abs=1e-9), key


def grid_case():
    environment = HyperGrid(dimensions=2, side=5)
    policy = TabularPolicy(environment=environment, learned_backward=True)
    stream = torch.Generator().manual_seed(5)
    for table in (policy.forward_logits, policy.backward_logits):
        table.data = 0.5 * torch.randn(table.shape, generator=stream)
    return environment, policy, GridStates(torch.tensor([[2, 1]]))


def molecule_case(vocabulary, part):
    environment = Fragments(vocabulary=vocabulary, max_fragments=3)
    torch.manual_seed(3)
    policy = MessagePassingPolicy(environment=environment, learned_backward=True, width=8, layers=1)
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return environment, policy.eval(), environment.states_of(parse([part]))


@pytest.mark.parametrize(
    "case",
    [
        grid_case,
        lambda: molecule_case(SYMMETRIC, "c1ccccc1"),
        lambda: molecule_case(AMBIGUOUS, "CCCC"),
        lambda: molecule_case(TYPED, "c1ccccc1"),
    ],
    ids=["grid", "symmetric", "two_fragments", "typed"],
)
def test_estimates_agree_with_the_exact_answers(case):
    environment, policy, part = case()
    target = exact_target(environment, Made())
    start = place_of(environment, target.graph, part)
    p = target.by_object(exact_terminal(policy, target.graph))
    keys = environment.kind.keys
    total = estimate_log_flow_from(
        environment, policy, part, lambda made: Made().log_reward(keys(made)), samples=300, seed=1
    )
    exact = exact_log_flow_from(target, start)
    assert abs(total.value - exact) < 4 * total.error
    assert total.error < 0.2
    assert total.low < total.value < total.high
    found = estimate_marginal(environment, policy, part, samples=300, seed=1)
    exact = exact_marginal(target, p, start)
    assert abs(found.value - exact) < 4 * found.error
    assert found.error < 0.25 * exact


def test_the_source_is_in_everything():
    environment, policy, _ = grid_case()
    found = estimate_marginal(environment, policy, environment.initial(1), samples=400, seed=0)
    assert abs(found.value - 1) < 4 * found.error
    with pytest.raises(ConfigError, match="at least 2"):
        estimate_marginal(environment, policy, environment.initial(1), samples=1)
