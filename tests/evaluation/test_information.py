"""Entropy and mutual information: enumeration, exact flows, and estimates that must bracket them."""

import math

import pytest
import torch
from tests.policies.solved import Solved

from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import exact_terminal, solve_flows
from molgfn.evaluation.exact.information import entropy, exact_entropy, exact_mutual_information, mutual_information
from molgfn.evaluation.exact.objects import list_objects
from molgfn.evaluation.information import estimate_entropy, estimate_mutual_information
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.graph import MessagePassingPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.policies.tabular import TabularPolicy

AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]


def by_hand(p):
    return -sum(x * math.log(x) for x in p.tolist() if x > 0)


def solved(environment, log_r, listed):
    target = torch.full((len(listed.graph),), -torch.inf, dtype=torch.float64)
    symmetry = environment.log_symmetry(listed.graph.states[listed.ends], listed.made)
    target[listed.ends] = log_r[listed.objects[listed.ends]] - symmetry
    return solve_flows(listed.graph, target)


@pytest.mark.parametrize(
    "environment",
    [HyperGrid(dimensions=2, side=6), Fragments(vocabulary=AMBIGUOUS, max_fragments=3)],
    ids=["grid", "molecules"],
)
def test_entropy_of_exact_flows_is_that_of_the_target(environment):
    """Also by a second network of flows, whose reward is -R log R (arXiv 2111.09266): H = F'(s0)/F(s0) + log F(s0)."""
    listed = list_objects(environment)
    log_r = -3 * torch.rand(len(listed.keys), dtype=torch.float64, generator=torch.Generator().manual_seed(2)) - 0.1
    flows = solved(environment, log_r, listed)
    policy = Solved(environment=environment, graph=listed.graph, flows=flows)
    found = exact_entropy(environment, policy)
    assert found == pytest.approx(by_hand(log_r.softmax(0)), abs=1e-9)
    entropic = solved(environment, log_r + (-log_r).log(), listed)
    assert found == pytest.approx(math.exp(entropic.log_z - flows.log_z) + flows.log_z, abs=1e-9)


def test_entropy_at_the_ends():
    assert entropy(torch.tensor([1.0, 0.0])) == 0
    assert entropy(torch.full((8,), 1 / 8)) == pytest.approx(math.log(8), abs=1e-12)


class ByBeta(Policy):
    """Exact flows of R^beta, one table for each beta."""

    reads = frozenset({"vector"})

    def __init__(self, environment, listed, log_r):
        super().__init__(environment=environment, learned_backward=False, initial_log_z=0.0)
        self.tables = {
            beta: Solved(
                environment=environment.inner,
                graph=listed.graph,
                flows=solved(environment.inner, beta * log_r, listed),
            )
            for beta in (1.0, 2.0, 8.0)
        }

    def forward(self, states, *, forward=True, backward=False, flow=False):
        (beta,) = set(states.values[:, 0].tolist())
        return PolicyOutput(forward=self.tables[beta](states.inner).forward)

    def group_modules(self):
        return {"forward": [], "backward": [], "flow": []}


def test_mutual_information_of_exact_flows_is_that_of_the_targets():
    environment = conditional(HyperGrid(dimensions=2, side=5), Temperature())
    listed = list_objects(environment.inner)
    log_r = torch.randn(25, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    policy = ByBeta(environment, listed, log_r)
    conditions = [{"beta": 1.0}, {"beta": 2.0}, {"beta": 8.0}]
    rows = torch.stack([(c["beta"] * log_r).softmax(0) for c in conditions])
    w = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    wanted = by_hand(w @ rows) - sum(float(w[c]) * by_hand(rows[c]) for c in range(3))
    found = exact_mutual_information(environment, policy, conditions, w)
    assert found == pytest.approx(wanted, abs=1e-9)
    assert found > 0.1
    assert exact_mutual_information(environment, policy, [{"beta": 2.0}] * 2) == pytest.approx(0, abs=1e-12)


def test_mutual_information_at_the_ends():
    apart = torch.eye(4, dtype=torch.float64)
    assert mutual_information(apart) == pytest.approx(math.log(4), abs=1e-12)
    assert mutual_information(apart[[0, 1]], torch.tensor([1.0, 0.0])) == 0
    with pytest.raises(ConfigError, match="sum to 1"):
        mutual_information(apart, torch.tensor([0.5, 0.5, 0.5, 0.5]))


def test_what_has_no_condition_is_refused():
    environment = HyperGrid(dimensions=2, side=3)
    policy = TabularPolicy(environment=environment)
    with pytest.raises(ConfigError, match="no condition"):
        exact_mutual_information(environment, policy, [{"beta": 1.0}])
    under = conditional(environment, Temperature())
    with pytest.raises(ConfigError, match="at least one"):
        exact_mutual_information(under, policy, [])
    with pytest.raises(ConfigError, match="at least 2"):
        estimate_entropy(environment, policy, samples=1)


def random_grid():
    environment = HyperGrid(dimensions=2, side=6)
    policy = TabularPolicy(environment=environment, learned_backward=True)
    stream = torch.Generator().manual_seed(5)
    for table in (policy.forward_logits, policy.backward_logits):
        table.data = torch.randn(table.shape, generator=stream)
    return environment, policy


def random_molecules():
    environment = Fragments(vocabulary=AMBIGUOUS, max_fragments=3)
    torch.manual_seed(3)
    policy = MessagePassingPolicy(environment=environment, learned_backward=True, width=8, layers=1)
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return environment, policy.eval()


@pytest.mark.parametrize("make", [random_grid, random_molecules])
def test_the_estimate_of_entropy_brackets_the_exact_one(make):
    environment, policy = make()
    listed = list_objects(environment)
    exact = entropy(listed.by_object(exact_terminal(policy, listed.graph)))
    rough = estimate_entropy(environment, policy, objects=400, samples=2, seed=1)
    fine = estimate_entropy(environment, policy, objects=400, samples=16, seed=1)
    for found in (rough, fine):
        assert found.low < exact < found.high
        assert found.low < found.value < found.high
    assert fine.high - fine.low < rough.high - rough.low
    assert abs(fine.value - exact) < 4 * fine.error


def test_the_estimate_of_mutual_information_brackets_the_exact_one():
    plain = HyperGrid(dimensions=2, side=4)
    environment = conditional(plain, Temperature())
    torch.manual_seed(1)
    policy = MLPPolicy(environment=environment, hidden=16)
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    policy.eval()
    conditions = [{"beta": 1.0}, {"beta": 8.0}, {"beta": 64.0}]
    w = torch.tensor([0.25, 0.25, 0.5])
    exact = exact_mutual_information(environment, policy, conditions, w)
    assert exact > 0.1
    found = estimate_mutual_information(environment, policy, conditions, w, objects=200, samples=16, seed=2)
    assert found.low < exact < found.high
    assert abs(found.value - exact) < 4 * found.error
    assert found.high - found.low < 0.3
