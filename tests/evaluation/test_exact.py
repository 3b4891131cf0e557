"""Exact recursions against the golden 3x3 DAG, against hand counts, and on multigraphs with parallel edges."""

import math
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from molgfn.environments.base import States
from molgfn.environments.enumeration import StateGraph
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import NotEnumerableError
from molgfn.evaluation.exact.answers import (
    ExactTarget,
    compare,
    exact_distribution,
    exact_target,
    exact_terminal,
    solve_flows,
)
from molgfn.evaluation.exact.layers import Layers
from molgfn.networks.segments import segment_logsumexp
from molgfn.policies.distributions import Categorical
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.base import Scores

GOLDEN_P_T = [0.408861, 0.043935, 0.010776, 0.238043, 0.013140, 0.023939, 0.146406, 0.010100, 0.104801]
GOLDEN_LOG_F = [4.143135, 3.226922, 2.777630, 3.605444, 3.428777, 3.161826, 2.089419, 2.516592, 2.708050]


@dataclass(frozen=True)
class Cells(States):
    cell: Tensor  # [B, 2]


class Table(nn.Module):
    """A policy whose logits are a function of the cell; only what ``exact_terminal`` reads."""

    environment = HyperGrid(dimensions=2, side=3)
    device = torch.device("cpu")

    def forward(self, states, *, forward=True, backward=False, flow=False):
        i, j = states.cell.double().unbind(-1)
        logits = torch.stack([torch.sin(1 + i + 2 * j + 3 * a) for a in range(3)], -1)
        legal = torch.stack([i < 2, j < 2, torch.ones_like(i, dtype=torch.bool)], -1)
        log_probs = logits.masked_fill(~legal, -torch.inf).log_softmax(-1)
        return SimpleNamespace(forward=Categorical(log_probs.masked_fill(~legal, 0.0), legal))


def hand_made(cells, source, target, action, can_stop) -> StateGraph:
    """A graph whose depth is the sum of the cell and whose P_B counts incoming edges."""
    incoming = torch.bincount(target, minlength=len(cells))
    return StateGraph(Cells(cells), cells.sum(-1), source, target, action, action, incoming[target], can_stop)


def golden_graph() -> StateGraph:
    """Row-major 3x3 grid; actions 0: +i, 1: +j."""
    edges = [(3 * i + j, 3 * (i + 1) + j, 0) for i in range(2) for j in range(3)]
    edges += [(3 * i + j, 3 * i + j + 1, 1) for i in range(3) for j in range(2)]
    source, target, action = torch.tensor(edges).unbind(-1)
    cells = torch.tensor([[i, j] for i in range(3) for j in range(3)])
    return hand_made(cells, source, target, action, torch.ones(9, dtype=torch.bool))


def golden_log_reward() -> Tensor:
    return torch.tensor([1 + 2 * i + 3 * j + i * j for i in range(3) for j in range(3)]).double().log()


def golden_log_pb(graph: StateGraph) -> Tensor:
    i, j = graph.states.cell.double().unbind(-1)
    logits = torch.stack([torch.cos(1 + 2 * i + j + 2 * a) for a in range(2)], -1)
    legal = torch.stack([i > 0, j > 0], -1)
    return logits.masked_fill(~legal, -torch.inf).log_softmax(-1)[graph.target, graph.action]


@pytest.mark.parametrize("batch", [4096, 4, 1])
def test_golden_terminal_distribution_and_total_variation(batch):
    graph = golden_graph()
    log_p = exact_terminal(Table(), graph, batch=batch)
    torch.testing.assert_close(log_p.exp(), torch.tensor(GOLDEN_P_T).double(), atol=1e-6, rtol=0)
    target = ExactTarget(graph, [str(k) for k in range(9)], torch.arange(9), golden_log_reward(), torch.zeros(9))
    result = compare(target, log_p)
    assert result.tv == pytest.approx(0.650453, abs=1e-6)
    assert result.log_z == pytest.approx(math.log(63), abs=1e-12)
    assert 0 < result.jsd < math.log(2)
    assert result.kl == pytest.approx(float((result.pi * (result.pi / log_p.exp()).log()).sum()), abs=1e-12)


def test_golden_flows_for_the_given_backward_policy():
    graph = golden_graph()
    flows = solve_flows(graph, golden_log_reward(), log_pb=golden_log_pb(graph))
    torch.testing.assert_close(flows.log_flow, torch.tensor(GOLDEN_LOG_F).double(), atol=1e-6, rtol=0)
    assert flows.log_z == pytest.approx(math.log(63), abs=1e-12)
    torch.testing.assert_close(flows.log_terminal, golden_log_reward() - math.log(63), atol=1e-12, rtol=0)


def test_solved_flows_balance_on_every_edge():
    graph = golden_graph()
    log_pb = golden_log_pb(graph)
    flows = solve_flows(graph, golden_log_reward(), log_pb=log_pb)
    torch.testing.assert_close(
        flows.log_flow[graph.source] + flows.log_pf, flows.log_flow[graph.target] + log_pb, atol=1e-12, rtol=0
    )
    out = flows.log_stop.exp().index_add(0, graph.source, flows.log_pf.exp())
    torch.testing.assert_close(out, torch.ones(9).double(), atol=1e-12, rtol=0)


def test_parallel_edges_count_as_often_as_they_occur():
    """Two actions s0 -> x, one of them to y: with uniform P_B that counts 1 undo of x, x gets twice its reward."""
    graph = hand_made(
        torch.tensor([[0, 0], [1, 0], [0, 1]]),
        source=torch.tensor([0, 0, 0]),
        target=torch.tensor([1, 1, 2]),
        action=torch.tensor([0, 1, 3]),
        can_stop=torch.tensor([False, True, True]),
    )
    reward = torch.tensor([-torch.inf, 0.0, 0.0])
    one_undo = solve_flows(graph, reward, log_pb=torch.zeros(3))
    torch.testing.assert_close(one_undo.log_terminal.exp(), torch.tensor([0, 2 / 3, 1 / 3]).double())
    shared = solve_flows(graph, reward)
    torch.testing.assert_close(shared.log_terminal.exp(), torch.tensor([0, 0.5, 0.5]).double())


def test_dead_ends_get_probability_zero_and_no_nan():
    graph = hand_made(
        torch.tensor([[0, 0], [1, 0], [0, 1], [0, 2]]),
        source=torch.tensor([0, 0, 2]),
        target=torch.tensor([1, 2, 3]),
        action=torch.tensor([0, 1, 1]),
        can_stop=torch.tensor([False, True, False, False]),
    )
    flows = solve_flows(graph, torch.zeros(4), log_pb=torch.zeros(3))
    assert flows.log_terminal.exp().tolist() == [0.0, 1.0, 0.0, 0.0]
    assert not flows.log_pf.isnan().any()


def test_huge_rewards_stay_exact_in_log_space():
    graph = golden_graph()
    log_reward = golden_log_reward() + torch.arange(9) * 300.0
    flows = solve_flows(graph, log_reward, log_pb=golden_log_pb(graph))
    torch.testing.assert_close(flows.log_terminal, log_reward.log_softmax(0), atol=1e-9, rtol=0)


def test_a_graph_of_one_state_has_no_edges_to_run_over():
    empty = torch.zeros(0, dtype=torch.int64)
    graph = hand_made(torch.zeros(1, 2, dtype=torch.int64), empty, empty, empty, torch.tensor([True]))
    assert Layers(graph).reach(torch.zeros(0)).tolist() == [0.0]


def test_segment_logsumexp_of_empty_and_impossible_segments():
    values = torch.tensor([0.0, 0.0, -torch.inf]).double()
    out = segment_logsumexp(values, torch.tensor([0, 0, 1]), 3)
    assert out.tolist() == [pytest.approx(math.log(2)), -math.inf, -math.inf]


class SumReward:
    """R(x) = 1 + sum of coordinates; counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, objects, keys, condition=None):
        self.asked += keys
        value = 1.0 + objects.double().sum(-1)
        return Scores(value.log(), value, {}, [None] * len(keys))


def test_hypergrid_flows_reach_the_target_and_uniform_does_not():
    environment = HyperGrid(dimensions=3, side=4)
    reward = SumReward()
    target = exact_target(environment, reward)
    assert sorted(reward.asked) == sorted(set(reward.asked))
    assert len(target.keys) == 64
    result = compare(target, solve_flows(target.graph, target.log_target).log_terminal)
    assert result.tv < 1e-12
    uniform = exact_distribution(environment, TabularPolicy(environment=environment), reward, target=target)
    assert float(uniform.p.sum()) == pytest.approx(1.0, abs=1e-6)
    assert uniform.tv > 0.3
    assert len(reward.asked) == 64, "a listed target is not scored again"
    assert result.mean_reward == pytest.approx(float((target.pi * target.log_reward.exp()).sum()))


def test_states_that_are_the_same_object_are_summed():
    target = ExactTarget(
        golden_graph(), ["a", "b"], torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, -1]), torch.zeros(2), torch.zeros(9)
    )
    p = target.by_object(torch.full((9,), 1 / 8).log())
    assert p.tolist() == pytest.approx([0.5, 0.5])
    assert target.log_target[-1] == -torch.inf


def test_unlistable_space_is_refused_with_the_reason():
    class Endless(HyperGrid):
        def enumeration_unavailable_reason(self):
            return "it has no end"

    with pytest.raises(NotEnumerableError, match="Endless: it has no end"):
        exact_target(Endless(dimensions=2, side=5), SumReward())
