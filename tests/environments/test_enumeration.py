"""States are listed once each, and exact answers hold, also where paths to a state differ in length."""

import itertools

import pytest
import torch
from tests.environments.strides import Circle, Strides

from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.errors import ContractError, NotEnumerableError
from molgfn.evaluation.exact.answers import exact_terminal, solve_flows
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import check_environment


@pytest.mark.parametrize(
    "arguments", [{"dimensions": 1, "side": 13}, {"dimensions": 2, "side": 4}, {"side": 3}], ids=str
)
def test_every_state_once_in_an_order_of_the_edges(arguments):
    environment = Strides(**arguments)
    graph = enumerate_states(environment)
    assert len(graph) == environment.n_states
    assert sorted(environment.index(graph.states).tolist()) == list(range(environment.n_states))
    assert (graph.source < graph.target).all()
    assert not graph.graded
    # the longest path takes single steps
    assert graph.depth.tolist() == graph.states.position.sum(1).tolist()
    edges = int(environment.forward_mask(graph.states).sum()) - len(graph)
    assert len(graph.source) == edges == int(environment.backward_mask(graph.states).sum())
    after = environment.step(graph.states[graph.source], graph.action)
    assert torch.equal(environment.index(after), environment.index(graph.states)[graph.target])
    back = environment.undo(graph.states[graph.target], graph.backward_action)
    assert torch.equal(environment.index(back), environment.index(graph.states)[graph.source])


@pytest.mark.parametrize("environment", [HyperGrid(side=4), Strings(alphabet="AB", length=3, mode="any_slot")])
def test_what_is_graded_says_so(environment):
    graph = enumerate_states(environment)
    assert graph.graded
    assert (graph.depth.diff() >= 0).all()


def test_terminal_probabilities_are_the_sum_over_all_action_sequences():
    environment = Strides(dimensions=2, side=3)
    torch.manual_seed(0)
    policy = TabularPolicy(environment=environment).double()
    with torch.no_grad():
        policy.forward_logits.normal_()
    graph = enumerate_states(environment)
    log_p = exact_terminal(policy, graph)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-12)
    table = policy(graph.states).forward.log_probs().double().exp()
    where = {tuple(p): i for i, p in enumerate(graph.states.position.tolist())}
    total = torch.zeros(len(graph), dtype=torch.float64)
    moves = list(itertools.product((1, 2), (0, 1)))  # in the order of the actions

    def walk(position, p):
        row = table[where[position]]
        total[where[position]] += p * row[environment.stop_action]
        for action, (length, axis) in enumerate(moves):
            after = tuple(x + length * (i == axis) for i, x in enumerate(position))
            if max(after) < 3:
                walk(after, p * row[action])

    walk((0, 0), 1.0)
    torch.testing.assert_close(log_p.exp(), total, rtol=1e-6, atol=1e-9)


def test_exact_flows_sample_the_target():
    graph = enumerate_states(Strides(dimensions=2, side=4))
    log_r = torch.randn(len(graph), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    flows = solve_flows(graph, log_r)
    torch.testing.assert_close(flows.log_terminal.exp(), log_r.softmax(0))
    assert flows.log_z == pytest.approx(float(log_r.logsumexp(0)))


def test_a_circle_is_refused():
    with pytest.raises(NotEnumerableError, match="in a circle"):
        enumerate_states(Circle(dimensions=1, side=5))


def test_the_check_says_that_a_dag_is_not_graded():
    with pytest.warns(UserWarning, match=r"Strides: not graded: a state .* is reached by paths of \d+ and \d+ steps"):
        check_environment(Strides(dimensions=2, side=4))


def test_the_check_finds_a_wrong_flow_on_a_dag_that_is_not_graded():
    class Uneven(Strides):
        """A correction for what needs none."""

        def log_symmetry(self, states, objects):
            return states.position.sum(1).double()

    with pytest.warns(UserWarning, match="not graded"), pytest.raises(ContractError, match="log_symmetry"):
        check_environment(Uneven(dimensions=1, side=5))
