"""Noise on one edge: against the sum over all 19 trajectories of the golden DAG, and by hand at its root."""

import math

import pytest
import torch

from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import ExactTarget, edge_log_probs, solve_flows
from molgfn.evaluation.exact.edge_noise import edge_noise, with_edge_noise
from molgfn.evaluation.exact.layers import Layers
from molgfn.evaluation.exact.objects import list_objects
from molgfn.testing.golden import golden_dag
from molgfn.trajectories.evaluate import evaluate


def golden_target():
    golden = golden_dag()
    listed = list_objects(golden.environment)
    cell = listed.graph.states.position
    order = (cell[:, 0] * 3 + cell[:, 1])[listed.ends[listed.first]]
    nothing = torch.zeros(len(listed.graph), dtype=torch.float64)
    return golden, ExactTarget(listed.graph, listed.keys, listed.objects, golden.log_reward[order], nothing)


def enumerated(golden, cell, action, noise):
    """P over the 9 cells by summing trajectories, where one logit of the policy is larger by ``noise``."""
    with torch.no_grad():
        golden.policy.forward_logits[3 * cell[0] + cell[1], action] += noise
    t = golden.trajectories
    p = evaluate(t, golden.policy, quantities=()).log_pf.sum(1).exp().detach()
    last = t.terminal.position
    return torch.zeros(9, dtype=torch.float64).index_add(0, last[:, 0] * 3 + last[:, 1], p)


@pytest.mark.parametrize("noise", [0.5, -1.0])
def test_every_edge_as_by_summing_over_trajectories(noise):
    golden, target = golden_target()
    graph = target.graph
    found = edge_noise(target, *edge_log_probs(golden.policy, graph), noise=noise)
    assert len(found.edges) == 12  # all: every cell may stop, so every edge has an alternative
    before = enumerated(golden_dag(), (0, 0), 0, 0.0)
    for edge, depth, tv in zip(found.edges.tolist(), found.depth.tolist(), found.tv.tolist(), strict=True):
        cell = graph.states.position[graph.source[edge]].tolist()
        assert depth == sum(cell)
        after = enumerated(golden_dag(), cell, int(graph.action[edge]), noise)
        assert tv == pytest.approx(float((after - before).abs().sum() / 2), abs=1e-9)


def test_at_the_root_by_hand():
    """A line of two: stop at 0 with probability 1/4, else at 1. Twice the flow of the edge: 6/7, so TV is 3/28."""
    line = HyperGrid(dimensions=1, side=2)
    listed = list_objects(line)
    nothing = torch.zeros(2, dtype=torch.float64)
    target = ExactTarget(listed.graph, listed.keys, listed.objects, torch.tensor([1.0, 3.0]).double().log(), nothing)
    flows = solve_flows(target.graph, target.log_target)
    found = edge_noise(target, flows.log_pf, flows.log_stop, noise=math.log(2))
    assert found.tv.tolist() == pytest.approx([6 / 7 - 3 / 4])
    assert found.by_depth() == {0: (1, *[pytest.approx(3 / 28)] * 3)}
    log_pf, log_stop = with_edge_noise(target.graph, flows.log_pf, flows.log_stop, 0, math.log(2))
    assert log_pf.exp().tolist() == pytest.approx([6 / 7])
    assert log_stop.exp().tolist() == pytest.approx([1 / 7, 1])


def test_nearer_the_root_costs_more():
    """On average from the root on; and no edge more than what comes by: TV is at most the reach of its state."""
    _, target = golden_target()
    flows = solve_flows(target.graph, target.log_target)
    found = edge_noise(target, flows.log_pf, flows.log_stop, noise=0.5)
    means = [row[1] for row in found.by_depth().values()]
    assert means[0] > means[1] > max(means[2:])
    reach = Layers(target.graph).reach(flows.log_pf)[target.graph.source[found.edges]].exp()
    assert (found.tv <= reach * math.tanh(0.5 / 4) + 1e-12).all()  # the most that 0.5 nat can do to probabilities


def test_a_part_of_the_edges_and_no_noise():
    _, target = golden_target()
    flows = solve_flows(target.graph, target.log_target)
    few = edge_noise(target, flows.log_pf, flows.log_stop, noise=0.5, most=2)
    assert torch.bincount(few.depth).tolist() == [2, 2, 2, 2]
    whole = edge_noise(target, flows.log_pf, flows.log_stop, noise=0.5)
    known = dict(zip(whole.edges.tolist(), whole.tv.tolist(), strict=True))
    assert few.tv.tolist() == pytest.approx([known[edge] for edge in few.edges.tolist()])
    with pytest.raises(ConfigError, match="0 changes nothing"):
        edge_noise(target, flows.log_pf, flows.log_stop, noise=0)
