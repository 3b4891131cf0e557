"""Pairs are different, even and balanced; more of them begin with those of before."""

from collections import Counter
from itertools import chain

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.fingerprints import fingerprints, tanimoto
from molgfn.comparing.pairing import balanced_sides, even_pairs, near_pairs, possible_pairs

MOLS = [Chem.MolFromSmiles(s + t) for s in ("CCO", "CCCN", "c1ccccc1C", "C1CCNCC1") for t in ("", "C", "CC", "F")]


@pytest.mark.parametrize("count", [2, 3, 7, 8, 31])
def test_even_pairs(count):
    whole = even_pairs(count, possible_pairs(count), 4)
    assert len({frozenset(pair) for pair in whole}) == possible_pairs(count) == len(whole)
    for number in range(1, len(whole) + 1):
        pairs = even_pairs(count, number, 4)
        assert pairs == whole[:number]
        times = Counter(chain(*pairs))
        assert max(times.values()) - min(times[i] for i in range(count)) <= 2
    assert count == 2 or even_pairs(count, len(whole), 5) != whole


def test_near_pairs_are_the_nearest():
    whole = near_pairs(MOLS, possible_pairs(16), 0)
    assert len({frozenset(pair) for pair in whole}) == 120 == len(whole)
    for number in (1, 3, 8, 20, 90):
        assert near_pairs(MOLS, number, 0) == whole[:number]
    bits = fingerprints(MOLS)
    similar = tanimoto(bits, bits) - 2 * np.eye(16)
    assert all(np.isclose(similar[one, other], similar[one].max()) for one, other in whole[:8])
    assert np.mean([similar[p] for p in whole[:20]]) > 2 * np.mean([similar[p] for p in even_pairs(16, 20, 0)])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("number", [1, 9, 40, 120])
def test_sides_are_balanced(number, seed):
    pairs = even_pairs(16, number, seed)
    turned = balanced_sides(pairs, seed)
    assert [frozenset(pair) for pair in turned] == [frozenset(pair) for pair in pairs]
    left, right = Counter(a for a, _ in turned), Counter(b for _, b in turned)
    assert all(abs(left[i] - right[i]) <= 1 for i in range(16))


def test_a_side_says_nothing_of_the_order_in_a_table():
    """Pairs without a molecule in common, all of them given as (chosen, rejected)."""
    turned = balanced_sides([(2 * i, 2 * i + 1) for i in range(200)], 0)
    assert 70 < sum(a < b for a, b in turned) < 130
