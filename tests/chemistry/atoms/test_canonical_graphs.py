from itertools import permutations

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.atoms.canonical_graphs import canonical

PETERSEN = [
    *((i, (i + 1) % 5) for i in range(5)),
    *((i, i + 5) for i in range(5)),
    *((5 + i, 5 + (i + 2) % 5) for i in range(5)),
]
ROOK = [(a, b) for a in range(16) for b in range(a) if a // 4 == b // 4 or a % 4 == b % 4]
SHRIKHANDE = [
    (a, b)
    for a in range(16)
    for b in range(a)
    if ((a // 4 - b // 4) % 4, (a % 4 - b % 4) % 4) in {(0, 1), (0, 3), (1, 0), (3, 0), (1, 1), (3, 3)}
]
#: from Chem.MolFromSmiles, whose automorphisms are known
CAGES = {
    "C12C3C4C1C5C2C3C45": 48,  # cubane
    "C1C2CC3CC1CC(C2)C3": 24,  # adamantane
    "CC(C)(C)C(C(C)(C)C)(C(C)(C)C)C(C)(C)C": 31104,  # 4! (3!)^4
    "C1CCCCCCCCCCCCCCCCCCC1": 40,
    "C1CCC2(CC1)CCCCC2": 8,
    "C12(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)C1(CC1)2": (
        30 * 2**15
    ),
}
C60 = (
    "c12c3c4c5c1c1c6c7c2c2c8c3c3c9c4c4c%10c5c5c1c1c6c6c%11c7c2c2c7c8c3c3c8c9c4c4c9c%10c5c5c1c1c6c6c%11c2c2c7c3c3c8c4c4"
    "c9c5c1c1c6c2c3c41"
)


def plain(edges):
    return [(a, b, 1) for a, b in edges]


def permuted(n, edges, order):
    return [(int(order[i]), int(order[j]), label) for i, j, label in edges]


def brute(labels, edges):
    """All permutations that keep labels and edges, and the least of all numberings."""
    kept = {(min(i, j), max(i, j), x) for i, j, x in edges}
    count, least = 0, None
    for order in permutations(range(len(labels))):
        moved = {(min(order[i], order[j]), max(order[i], order[j]), x) for i, j, x in kept}
        there = [0] * len(labels)
        for vertex, label in enumerate(labels):
            there[order[vertex]] = label
        count += moved == kept and there == list(labels)
        form = (there, sorted(moved))
        least = form if least is None or form < least else least
    return count, str(least)


def test_against_all_permutations():
    """Labelled multigraphs, connected or not: the count, and the same key exactly where they are isomorphic."""
    rng = np.random.default_rng(0)
    forms, keys = set(), {}
    for _ in range(300):
        n = int(rng.integers(1, 7))
        labels = rng.integers(0, 2, n).tolist()
        edges = [
            (i, j, int(rng.integers(1, 3))) for i in range(n) for j in range(i) if rng.random() < rng.choice([0.3, 0.8])
        ]
        found = canonical(labels, edges)
        count, form = brute(labels, edges)
        assert found.automorphisms == count
        assert keys.setdefault(found.key, form) == form
        forms.add(form)
    assert len(forms) == len(keys) > 100


@pytest.mark.parametrize(
    ("n", "edges", "automorphisms"),
    [
        (10, PETERSEN, 120),
        (16, ROOK, 1152),
        (16, SHRIKHANDE, 192),
        (6, [(a, b) for a in range(3) for b in range(3, 6)], 72),
        (8, [(a, b) for a in range(8) for b in range(a)], 40320),
        (20, [], 2432902008176640000),
    ],
)
def test_symmetric_graphs(n, edges, automorphisms):
    rng = np.random.default_rng(1)
    keys = set()
    for _ in range(4):
        found = canonical([0] * n, permuted(n, plain(edges), rng.permutation(n)))
        assert found.automorphisms == automorphisms
        keys.add(found.key)
    assert len(keys) == 1


def test_graphs_that_colours_alone_do_not_tell_apart():
    two_triangles = plain([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)])
    hexagon = plain([(i, (i + 1) % 6) for i in range(6)])
    assert canonical([0] * 6, two_triangles).key != canonical([0] * 6, hexagon).key
    assert canonical([0] * 6, two_triangles).automorphisms == 72
    assert canonical([0] * 16, plain(ROOK)).key != canonical([0] * 16, plain(SHRIKHANDE)).key


@pytest.mark.parametrize(("smiles", "automorphisms"), [*CAGES.items(), (C60, 120)])
def test_molecules(smiles, automorphisms):
    mol = Chem.MolFromSmiles(smiles)
    edges = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), 1) for b in mol.GetBonds()]
    n, rng = mol.GetNumAtoms(), np.random.default_rng(2)
    keys = set()
    for _ in range(3):
        found = canonical([0] * n, permuted(n, edges, rng.permutation(n)))
        assert found.automorphisms == automorphisms
        keys.add(found.key)
    assert len(keys) == 1


def test_labels_of_vertices_and_edges_count():
    assert canonical([0, 0], [(0, 1, 1)]).automorphisms == 2
    assert canonical([0, 1], [(0, 1, 1)]).automorphisms == 1
    assert canonical([0, 0], [(0, 1, 1)]).key != canonical([0, 0], [(0, 1, 2)]).key
    assert canonical([0, 0], [(0, 1, 1)]).key != canonical([0, 0], []).key
    assert canonical([0, 1], []).key != canonical([1, 1], []).key
    assert canonical([], []).automorphisms == 1
