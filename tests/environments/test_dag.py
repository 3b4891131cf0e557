"""DAGs edge by edge: masks against networkx's idea of a circle, counts of DAGs, exact posteriors."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from molgfn.environments.dag import COUNTS, DAGs
from molgfn.environments.enumeration import enumerate_states
from molgfn.errors import DataError
from molgfn.evaluation.exact.answers import compare, exact_target, solve_flows
from molgfn.evaluation.metrics.edge_marginals import edge_marginals
from molgfn.objects.dag import DAG
from molgfn.oracles.bayesian_networks.bge import BGe
from molgfn.oracles.bayesian_networks.observations import Simulated
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.testing import check_environment

POSTERIORS = json.loads((Path(__file__).parents[1] / "data" / "bayesian_networks.json").read_text())


@pytest.mark.parametrize(
    "arguments",
    [{"nodes": 2}, {"nodes": 4}, {"nodes": 4, "max_parents": 1}, {"nodes": 4, "max_edges": 3}, {"nodes": 9}],
    ids=str,
)
def test_the_contract(arguments):
    check_environment(DAGs(**arguments))


@pytest.mark.parametrize("nodes", [2, 3, 4, 5])
def test_all_dags_are_listed(nodes):
    assert len(enumerate_states(DAGs(nodes=nodes))) == COUNTS[nodes]


def test_more_than_a_few_nodes_are_not_listed():
    assert "3,781,503" in (DAGs(nodes=6).enumeration_unavailable_reason() or "")


def _has_circle(adjacency: np.ndarray) -> bool:
    power = np.linalg.matrix_power(np.eye(len(adjacency)) + adjacency, len(adjacency))
    return bool((adjacency * power.T).any())


@pytest.mark.parametrize("limits", [{}, {"max_parents": 2}, {"max_edges": 6}], ids=str)
def test_masks_are_what_trying_each_edge_finds(limits):
    environment, generator = DAGs(nodes=6, **limits), torch.Generator().manual_seed(0)
    states = environment.initial(40)
    for _ in range(environment.max_steps - 1):
        mask = environment.forward_mask(states)
        for row, action in itertools.product(range(0, 40, 5), range(36)):
            edges = states.adjacency[row].clone()
            i, j = divmod(action, 6)
            new = not edges[i, j]
            edges[i, j] = True
            fits = edges.sum(0).max() <= limits.get("max_parents", 6) and edges.sum() <= limits.get("max_edges", 36)
            assert bool(mask[row, action]) == (new and bool(fits) and not _has_circle(edges.long().numpy()))
        assert torch.equal(states.reach, environment._closure(states.adjacency))
        actions = torch.multinomial(mask.double(), 1, generator=generator)[:, 0]
        going = actions != environment.stop_action
        after = environment.step(states, actions)
        assert torch.equal(environment.undo(after, actions)[going].adjacency, states[going].adjacency)
        states = after


def test_objects_that_are_no_states_are_named():
    circle = torch.tensor([[[0, 1, 0], [0, 0, 0], [0, 0, 0]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]]]).bool()
    with pytest.raises(DataError, match=r"DAG 2 of 2 \(3: 0>1 1>2 2>0\): its edges go round in a circle"):
        DAGs(nodes=3).states_of(circle)
    collider = DAG.parse(["3: 0>2 1>2"])
    with pytest.raises(DataError, match="more than max_parents=1 parents"):
        DAGs(nodes=3, max_parents=1).states_of(collider)
    with pytest.raises(DataError, match="more than max_edges=1 edges"):
        DAGs(nodes=3, max_edges=1).states_of(collider)
    with pytest.raises(DataError, match="with nodes=4"):
        DAGs(nodes=4).states_of(collider)


@pytest.mark.parametrize("name", POSTERIORS)
def test_posteriors_are_those_found_by_listing(name):
    """log Z, entropy and edge marginals of the posterior (computed by another program)."""
    known = POSTERIORS[name]
    nodes = known["nodes"]
    observations = Simulated(nodes=nodes, seed=known["seed"])
    assert np.argwhere(observations.truth).tolist() == sorted(known["true_edges"])
    reward = Boltzmann(oracle=BGe(nodes=nodes, observations=observations), log_floor=-1000.0)
    target = exact_target(DAGs(nodes=nodes), reward)
    assert len(target.keys) == known["dags"]
    assert target.log_z == pytest.approx(known["log_z"], abs=1e-8)
    pi = target.pi
    assert float(-(pi * pi.log()).sum()) == pytest.approx(known["entropy"], abs=1e-8)
    assert np.abs(edge_marginals(target.keys, pi.numpy()) - known["edge_marginals"]).max() < 1e-8
    flows = solve_flows(target.graph, target.log_target)
    assert flows.log_z == pytest.approx(known["log_z"], abs=1e-8)
    assert compare(target, flows.log_terminal).tv < 1e-9


def test_a_path_for_each_order_of_the_edges():
    states = DAGs(nodes=4).states_of(DAG.parse(["4: 0>1 1>2 0>3"]))
    assert float(DAGs(nodes=4).log_path_count(states)) == pytest.approx(math.log(6))
