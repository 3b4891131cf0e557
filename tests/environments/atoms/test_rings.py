"""Bridges, ring systems, distances and ways against networkx, on thousands of graphs."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import torch

from molgfn.environments.atoms.rings import Rings

N = 38


def random_graphs(n, rng):
    """Connected graphs of 1 to 38 nodes: random trees and up to 12 further edges, mostly short ones."""
    graphs = []
    for _ in range(n):
        size = int(rng.integers(1, N + 1))
        graph = nx.Graph()
        graph.add_nodes_from(range(size))
        for j in range(1, size):
            graph.add_edge(j, int(rng.integers(max(0, j - int(rng.integers(1, 6))), j)))
        for _ in range(int(rng.integers(0, 13))):
            i, j = rng.integers(0, size, 2).tolist()
            if i != j:
                graph.add_edge(i, j)
        graphs.append(graph)
    return graphs


@pytest.fixture(scope="module")
def batch():
    graphs = random_graphs(3000, np.random.default_rng(0))
    joined = torch.zeros(len(graphs), N, N, dtype=torch.bool)
    real = torch.zeros(len(graphs), N, dtype=torch.bool)
    for row, graph in enumerate(graphs):
        size = len(graph)
        real[row, :size] = True
        joined[row, :size, :size] = torch.from_numpy(nx.to_numpy_array(graph) > 0)
    return graphs, Rings(real, joined)


def test_ring_bonds_are_those_that_are_no_bridges(batch):
    graphs, rings = batch
    wrong = 0
    for row, graph in enumerate(graphs):
        expected = nx.to_numpy_array(graph, nodelist=range(len(graph))) > 0
        for i, j in nx.bridges(graph):
            expected[i, j] = expected[j, i] = False
        size = len(graph)
        wrong += int((rings.ring_bond[row, :size, :size].numpy() != expected).sum())
    assert wrong == 0
    assert rings.count.tolist() == [g.number_of_edges() - len(g) + 1 for g in graphs]


def test_resistances_stay_far_from_the_threshold(batch):
    """Bridges have 1 and other bonds at most 1 - 1 / N, to 1e-9: the threshold between is 1 / (2 N) away."""
    _, rings = batch
    diagonal = torch.diagonal(rings.green, dim1=1, dim2=2)
    resistance = diagonal[:, :, None] + diagonal[:, None, :] - 2 * rings.green
    bridges = rings.joined & ~rings.ring_bond
    assert (resistance[bridges] - 1).abs().max() < 1e-9
    assert resistance[rings.ring_bond].max() < 1 - 1 / N + 1e-9


def test_systems_distances_and_weights_along_the_way(batch):
    graphs, rings = batch
    weight = torch.from_numpy(np.random.default_rng(1).integers(0, 5, rings.joined.shape))
    weight = weight + weight.transpose(1, 2)
    along, systems, far = rings.along(rings.at_bridges(weight)), rings.in_system, rings.distances(7)
    for row in range(0, len(graphs), 10):
        graph, size = graphs[row], len(graphs[row])
        bridges = {frozenset(b) for b in nx.bridges(graph)}
        rest = graph.edge_subgraph([e for e in graph.edges if frozenset(e) not in bridges])
        for part in nx.connected_components(rest):
            rank = rest.subgraph(part).number_of_edges() - len(part) + 1
            assert all(systems[row, i] == rank for i in part)
        assert all(systems[row, i] == 0 for i in graph if i not in rest)
        lengths = dict(nx.all_pairs_shortest_path_length(graph))
        expected = np.array([[min(lengths[i][j], 8) for j in range(size)] for i in range(size)])
        assert (far[row, :size, :size].numpy() == expected).all()
        for i, path in nx.single_source_shortest_path(graph, 0).items():
            steps = list(pairwise(path))
            total = sum(int(weight[row, a, b]) for a, b in steps if frozenset((a, b)) in bridges)
            assert abs(float(along[row, 0, i]) - total) < 1e-6
