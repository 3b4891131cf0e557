"""Which molecules are picked: the best, those far apart, few of one scaffold."""

import numpy as np
import pytest

from molgfn.chemistry import picking
from molgfn.chemistry.fingerprints import morgan, tanimoto
from molgfn.chemistry.molecules import parse
from molgfn.chemistry.picking import pick
from molgfn.chemistry.scaffolds import murcko
from molgfn.errors import DataError

#: three series around benzene, cyclohexane and pyridine, and chains
SERIES = [
    *("Cc1ccccc1", "CCc1ccccc1", "CCCc1ccccc1", "CC(C)c1ccccc1"),
    *("CC1CCCCC1", "CCC1CCCCC1", "CCCC1CCCCC1", "CC(C)C1CCCCC1"),
    *("Cc1ccncc1", "CCc1ccncc1", "CCCc1ccncc1", "CC(C)c1ccncc1"),
    *("CCO", "CCCO", "CCCCO", "CCCCCO"),
]
RNG = np.random.default_rng(0)
SCORES = RNG.permutation(len(SERIES)).astype(float)


def distances(rows):
    bits = morgan([parse(SERIES)[row] for row in rows])
    return 1 - tanimoto(bits, bits)


def test_the_best_come_in_their_order():
    picked = pick(parse(SERIES), 5, scores=SCORES)
    assert picked.rows == np.argsort(-SCORES)[:5].tolist()
    assert picked.left_out == {}
    assert pick(parse(SERIES), 99, scores=SCORES).rows == np.argsort(-SCORES).tolist()


def test_without_scores_their_order_is_that_of_their_worth_and_ties_keep_it():
    assert pick(parse(SERIES), 3).rows == [0, 1, 2]
    assert pick(parse(SERIES), 3, scores=np.zeros(len(SERIES))).rows == [0, 1, 2]


def test_of_equal_molecules_the_best_is_picked():
    picked = pick(parse(["OCC", "CCO", "CCN", "C(O)C"]), 9, scores=np.array([1.0, 3.0, 2.0, 0.0]))
    assert picked.rows == [1, 2]
    assert picked.left_out == {"the same molecule as another one": 2}


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("method", ["top", "maxmin", "butina"])
def test_at_most_so_many_of_one_scaffold(most, method):
    molecules = parse(SERIES)
    picked = pick(molecules, 99, scores=SCORES, per_scaffold=most, method=method, cut=0.999)
    for scaffold in {murcko(m) for m in molecules}:
        own = [row for row in range(len(SERIES)) if murcko(molecules[row]) == scaffold]
        best = sorted(own, key=lambda row: -SCORES[row])[:most]
        assert sorted(set(picked.rows) & set(own)) == sorted(best)
    assert picked.left_out == {f"more than {most} of one scaffold": len(SERIES) - 4 * most}


def test_maxmin_is_greedy_from_the_best():
    """Against the definition: the next one is as far from those picked as any."""
    rows = pick(parse(SERIES), 8, scores=SCORES, method="maxmin").rows
    assert rows[0] == int(SCORES.argmax())
    assert len(set(rows)) == 8
    apart = distances(range(len(SERIES)))
    for k in range(1, 8):
        nearest = apart[:, rows[:k]].min(1)
        assert nearest[rows[k]] == pytest.approx(np.delete(nearest, rows[:k]).max(), abs=1e-6)
    # of a pool of the best only; the first of more are the same
    pool = np.argsort(-SCORES)[:6].tolist()
    few = pick(parse(SERIES), 4, scores=SCORES, method="maxmin", best=6)
    assert set(few.rows) <= set(pool)
    assert few.left_out == {"not among the 6 best": len(SERIES) - 6}
    assert pick(parse(SERIES), 3, scores=SCORES, method="maxmin").rows == rows[:3]
    assert sorted(pick(parse(SERIES), 99, scores=SCORES, method="maxmin").rows) == list(range(len(SERIES)))


def test_butina_takes_the_best_of_each_cluster():
    molecules, cut = parse(SERIES), 0.5
    apart = distances(range(len(SERIES)))
    with_scores = pick(molecules, 99, scores=SCORES, method="butina", cut=cut)
    centres = pick(molecules, 99, method="butina", cut=cut)
    assert with_scores.clusters == len(with_scores.rows) == len(centres.rows)
    assert 1 < len(centres.rows) < len(SERIES)
    # centres are not neighbours, and everything has one
    among = apart[np.ix_(centres.rows, centres.rows)] + 2 * np.eye(len(centres.rows))
    assert among.min() > 1 - cut
    assert (apart[:, centres.rows].min(1) <= 1 - cut + 1e-6).all()
    # the very best is picked first, and the values fall
    assert with_scores.rows[0] == int(SCORES.argmax())
    assert (np.diff(SCORES[with_scores.rows]) < 0).all()
    sizes = [int((apart[:, row] <= 1 - cut + 1e-6).sum()) for row in centres.rows]
    assert sizes[0] == max(sizes)


def test_one_molecule_and_none():
    for method in ("top", "maxmin", "butina"):
        assert pick(parse(["CCO"]), 3, method=method).rows == [0]
        assert pick([], 3, method=method).rows == []


def test_too_many_to_cluster_is_said(monkeypatch):
    monkeypatch.setattr(picking, "MOST_CLUSTERED", 10)
    with pytest.raises(DataError, match="16 molecules are too many to cluster"):
        pick(parse(SERIES), 3, method="butina")
    assert pick(parse(SERIES), 3, method="butina", best=10).clusters
