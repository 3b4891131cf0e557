from collections import Counter

import numpy as np
import pytest
from rdkit import Chem
from tests.chemistry.atoms.test_canonical_graphs import C60

from molgfn.chemistry.atoms.matchings import Matchings


def brute(n, edges):
    """Perfect matchings, edge by edge."""
    found = set()

    def extend(rest, chosen, start):
        if not rest:
            found.add(frozenset(chosen))
        for k in range(start, len(edges)):
            a, b = edges[k]
            if a in rest and b in rest:
                extend(rest - {a, b}, [*chosen, (min(a, b), max(a, b))], k + 1)

    extend(frozenset(range(n)), [], 0)
    return found


def test_against_search():
    rng = np.random.default_rng(0)
    several = 0
    for _ in range(200):
        n = int(rng.integers(0, 9))
        edges = [(i, j) if rng.random() < 0.5 else (j, i) for i in range(n) for j in range(i) if rng.random() < 0.4]
        found, matchings = brute(n, edges), Matchings(n, edges)
        listed = [frozenset(matching) for matching in matchings]
        assert matchings.count == len(listed) == len(found)
        assert set(listed) == found
        several += len(found) > 1
    assert several > 10


def test_known_numbers():
    def ladder(n):
        return (
            [(i, i + 1) for i in range(n - 1)]
            + [(n + i, n + i + 1) for i in range(n - 1)]
            + [(i, n + i) for i in range(n)]
        )

    assert [Matchings(2 * n, ladder(n)).count for n in range(1, 9)] == [1, 2, 3, 5, 8, 13, 21, 34]
    mol = Chem.MolFromSmiles(C60)
    assert Matchings(60, [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()]).count == 12500
    assert Matchings(10, [(a, b) for a in range(10) for b in range(a)]).count == 945
    assert Matchings(0, []).count == 1
    assert Matchings(3, [(0, 1), (1, 2), (0, 2)]).count == 0


def test_draws_are_uniform():
    edges = [(i, (i + 1) % 6) for i in range(6)] + [(0, 3), (6, 7), (7, 8), (8, 9), (9, 6)]
    matchings, rng = Matchings(10, edges), np.random.default_rng(0)
    drawn = Counter(frozenset(matchings.draw(rng)) for _ in range(6000))
    assert set(drawn) == brute(10, edges)
    assert len(drawn) == matchings.count == 6
    assert max(abs(number - 1000) for number in drawn.values()) < 4.5 * (6000 * 1 / 6 * 5 / 6) ** 0.5


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="no perfect matching"):
        Matchings(1, []).draw(np.random.default_rng(0))
