"""The proof behind the largest ring: linear programs over all ways to connect rings, and all graphs of 7 atoms."""

import itertools
from collections import Counter

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from molgfn.environments.atoms import Atoms
from molgfn.environments.atoms.ring_limits import removable, sizes_hold
from molgfn.environments.atoms.rings import Rings
from molgfn.environments.enumeration import enumerate_states


def skeletons(rings):
    """Connected cubic multigraphs without bridges of ``rings`` independent rings, as lists of edges.

    Every graph whose bonds are all in rings is one of them with ways of some length, 0 included, for edges.
    """
    n = 2 * (rings - 1)
    pairs = list(itertools.combinations(range(n), 2))
    found: list[tuple[nx.Graph, list]] = []

    def grow(k, degree, edges):
        if k == len(pairs):
            if min(degree) == 3:
                keep(edges)
            return
        a, b = pairs[k]
        for times in range(4):
            if degree[a] + times > 3 or degree[b] + times > 3:
                break
            more = list(degree)
            more[a] += times
            more[b] += times
            if b < n - 1 or more[a] == 3:  # the last edge of a
                grow(k + 1, more, edges + [(a, b)] * times)

    def keep(edges):
        graph = nx.Graph()
        graph.add_nodes_from(range(n))
        for edge in set(edges):
            graph.add_edge(*edge, times=edges.count(edge))
        bridges = [e for e in nx.bridges(graph) if graph.edges[e]["times"] == 1]
        alike = any(nx.is_isomorphic(graph, g, edge_match=lambda x, y: x["times"] == y["times"]) for g, _ in found)
        if nx.is_connected(graph) and not bridges and not alike:
            found.append((graph, edges))

    grow(0, [0] * n, [])
    return [edges for _, edges in found]


def cycles(edges):
    """All simple cycles, as bit masks of edges."""
    found = []
    for mask in range(1, 1 << len(edges)):
        part = nx.MultiGraph([e for k, e in enumerate(edges) if mask >> k & 1])
        if all(degree == 2 for _, degree in part.degree) and nx.is_connected(part):
            found.append(mask)
    return found


def rank(masks):
    """Dimension of what bit masks span modulo 2."""
    basis: dict[int, int] = {}
    for mask in masks:
        while mask and mask.bit_length() in basis:
            mask ^= basis[mask.bit_length()]
        if mask:
            basis[mask.bit_length()] = mask
    return len(basis)


def lengths_exist(edges, small, large):
    """Whether some lengths of the edges make the ``small`` cycles at most 1 and the ``large`` ones more."""
    rows = [[float(c >> k & 1) for k in range(len(edges))] + [0.0] for c in small]
    rows += [[-float(c >> k & 1) for k in range(len(edges))] + [1.0] for c in large]
    bounds = [1.0] * len(small) + [-1.0] * len(large)
    answer = linprog([0.0] * len(edges) + [-1.0], A_ub=rows, b_ub=bounds, bounds=[(0, None)] * len(edges) + [(0, 1)])
    return answer.status == 0 and -answer.fun > 1e-7


def counterexamples(rings, skip, wrong):
    """Divisions of all cycles into small and large ones that ``wrong`` finds fault with and some lengths have.

    ``skip(small)`` says that no division with these small cycles, and perhaps more, is wrong.
    """
    for edges in skeletons(rings):
        every = cycles(edges)

        def divide(k, small, large, edges=edges, every=every):
            if skip(edges, small):
                return
            if k == len(every):
                if wrong(edges, small) and lengths_exist(edges, small, large):
                    yield edges, small
                return
            yield from divide(k + 1, [*small, every[k]], large)
            yield from divide(k + 1, small, [*large, every[k]])

        yield from divide(0, [], [])


@pytest.mark.parametrize("rings", [2, 3, 4])
def test_a_system_that_small_rings_make_can_lose_a_bond(rings):
    def free(edges, small):
        return any(rank([c for c in small if not c >> k & 1]) >= rings - 1 for k in range(len(edges)))

    assert not list(counterexamples(rings, free, lambda edges, small: rank(small) == rings))


@pytest.mark.parametrize(("rings", "holds"), [(2, True), (3, True), (4, False)])
def test_bonds_in_small_rings_mean_that_small_rings_make_all(rings, holds):
    """Up to 3 independent rings; with 4 there is the circle of three rings."""

    def covered(edges, small):
        return all(any(c >> k & 1 for c in small) for k in range(len(edges)))

    def all_made(edges, small):
        return rank(small) == rings

    found = counterexamples(rings, all_made, covered)
    assert (next(found, None) is None) == holds


def made_by(graph, largest):
    """A minimum cycle basis has no ring above ``largest``."""
    return all(len(ring) <= largest for ring in nx.minimum_cycle_basis(graph))


def invariant(graph):
    """What isomorphic graphs have in common; few others do."""
    walks = np.linalg.matrix_power(nx.to_numpy_array(graph), 5).astype(int)
    return tuple(sorted(zip(np.diag(walks).tolist(), walks.sum(1).tolist(), strict=True)))


def most_fused(graph):
    bridges = list(nx.bridges(graph))
    rest = graph.copy()
    rest.remove_edges_from(bridges)
    parts = [rest.subgraph(p) for p in nx.connected_components(rest)]
    return max(p.number_of_edges() - len(p) + 1 for p in parts)


@pytest.mark.parametrize(("smallest", "largest", "fused"), [(3, 3, 4), (3, 4, 4), (3, 5, 3), (4, 5, 2), (5, 6, 4)])
def test_all_graphs_that_the_rules_allow_are_reached(smallest, largest, fused):
    """Against the atlas of graphs of up to 7 nodes: minimum cycle bases within the sizes, systems within theirs."""
    environment = Atoms(
        types=["C"], max_atoms=7, orders=[1], smallest_ring=smallest, largest_ring=largest, max_fused=fused
    )
    states = enumerate_states(environment).states[1:]
    expected = [
        graph
        for graph in nx.graph_atlas_g()[1:]
        if nx.is_connected(graph)
        and max(d for _, d in graph.degree) <= 4
        and made_by(graph, largest)
        and (nx.girth(graph) >= smallest)
        and most_fused(graph) <= fused
    ]
    assert len(states) == len(expected)
    ours = [nx.from_numpy_array(b[:n, :n].numpy()) for b, n in zip(states.bonds, states.n.tolist(), strict=True)]
    assert Counter(map(invariant, ours)) == Counter(map(invariant, expected))


def test_naphthalene_keeps_its_middle_bond_to_the_last():
    ring = [(i, (i + 1) % 10) for i in range(10)]
    bonds = torch.zeros(1, 10, 10, dtype=torch.bool)
    for i, j in [*ring, (0, 5)]:
        bonds[0, i, j] = bonds[0, j, i] = True
    rings = Rings(torch.ones(1, 10, dtype=torch.bool), bonds)
    may_go = removable(rings, 6, rings.distances(6), 11)[0]
    assert not may_go[0, 5]
    assert all(may_go[i, j] for i, j in ring)
    assert removable(rings, 10, rings.distances(10), 11)[0][0, 5]
    assert sizes_hold(rings, 6, 11).all()
    bonds[0, 0, 5] = bonds[0, 5, 0] = False
    assert not sizes_hold(Rings(rings.real, bonds), 6, 11).any()
