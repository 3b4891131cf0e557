"""Scores fitted to judgements of pairs: the maximum of Bradley and Terry's likelihood; what is counted on the way."""

import math

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError, DataError
from molgfn.oracles.models.proxy import Proxy
from molgfn.proxies.features import molecule_graphs
from molgfn.proxies.loading import load
from molgfn.proxies.network import EnsembleNetwork
from molgfn.proxies.pairs.evaluating import evaluate_pairs
from molgfn.proxies.pairs.fitting import OF_PAIRS, fit_pairs
from molgfn.proxies.pairs.judgements import read_judgements
from molgfn.proxies.pairs.lesson import PairLesson
from molgfn.proxies.pairs.metrics import accuracy, log_likelihood, slope
from molgfn.proxies.splits import Parts
from molgfn.proxies.training import FitSettings, predict, train_network

FEW = ["CCO", "c1ccccc1", "CC(=O)N", "C1CCNCC1", "FC(F)F"]
#: how often the molecule of the row was preferred to that of the column
WINS = np.array([[0, 7, 3, 9, 6], [4, 0, 5, 8, 2], [6, 4, 0, 7, 7], [1, 3, 2, 0, 4], [5, 6, 4, 5, 0]], dtype=float)
SMALL = FitSettings(members=2, width=8, layers=1, epochs=3, batch=16)


def minorised(wins, rounds=5000):
    """Bradley and Terry's scores of mean 0 by the MM algorithm (Hunter 2004), from a matrix of wins."""
    p = np.ones(len(wins))
    for _ in range(rounds):
        games = (wins + wins.T) / (p[:, None] + p[None])
        p = wins.sum(1) / games.sum(1)
        p /= np.exp(np.log(p).mean())
    return np.log(p)


def written(path, rows, columns="chosen,rejected"):
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


def votes(path, names=FEW):
    """A row for each vote of ``WINS``."""
    rows = [f"{names[i]},{names[j]}" for i in range(5) for j in range(5) for _ in range(int(WINS[i, j]))]
    return written(path, rows)


def everything(judgements):
    rows = np.arange(len(judgements))
    return Parts(rows, rows, rows[:0])


def by_name(judgements, names=FEW):
    """Where each of the few is among the molecules."""
    smiles = [m.smiles for m in judgements.molecules]
    return [smiles.index(m.smiles) for m in parse(names)]


def test_the_fit_is_the_maximum_of_the_likelihood(tmp_path):
    """Five molecules, all votes in training: the network can say any scores, so finds those of the MM algorithm."""
    judgements = read_judgements(votes(tmp_path / "votes.csv"))
    graphs = molecule_graphs([m.mol for m in judgements.molecules])
    settings = FitSettings(members=2, width=16, layers=1, epochs=400, batch=len(judgements), lr=1e-2, patience=400)
    network = EnsembleNetwork(members=2, width=16, layers=1)
    network.initialise(0)
    network, history = train_network(network, PairLesson(graphs, judgements, everything(judgements)), settings)
    scores = predict(network, graphs).double().numpy()[:, by_name(judgements)]
    exact = minorised(WINS)
    for member in scores:
        assert member - member.mean() == pytest.approx(exact, abs=0.02)
    p = 1 / (1 + np.exp(exact[None] - exact[:, None]))
    best = -(WINS * np.log(p)).sum() / WINS.sum()
    assert history[-1].validation.min() == pytest.approx(best, abs=1e-4)
    assert best < math.log(2) - 0.03  # not a coin


def test_the_mm_algorithm_of_this_test_is_right():
    """Its scores are where the gradient of the likelihood is 0."""
    s = minorised(WINS)
    p = 1 / (1 + np.exp(s[None] - s[:, None]))
    assert WINS.sum(1) == pytest.approx(((WINS + WINS.T) * p).sum(1), abs=1e-8)


def test_weights_are_repeated_rows_and_ties_are_half_of_each(tmp_path):
    """A table of votes, one of weights, and one of shares have the same loss at any parameters."""
    pairs = [(i, j) for i in range(5) for j in range(i)]
    weights = [f"{FEW[i]},{FEW[j]},{WINS[i, j]:g}" for i in range(5) for j in range(5) if WINS[i, j]]
    shares = [
        f"{FEW[i]},{FEW[j]},{WINS[i, j] / (WINS[i, j] + WINS[j, i]):.12g},{WINS[i, j] + WINS[j, i]:g}" for i, j in pairs
    ]
    tables = [
        read_judgements(votes(tmp_path / "a.csv")),
        read_judgements(written(tmp_path / "b.csv", weights, "chosen,rejected,n"), weight="n"),
        read_judgements(written(tmp_path / "c.csv", shares, "chosen,rejected,answer,n"), weight="n"),
    ]
    network = EnsembleNetwork(members=2, width=8, layers=1)
    network.initialise(3)
    losses = []
    for table in tables:
        graphs = molecule_graphs([m.mol for m in table.molecules])
        lesson = PairLesson(graphs, table, everything(table))
        network.eval()
        losses.append(lesson.held(network))
        trained = lesson.losses(network, np.arange(lesson.count)).mean(1)
        torch.testing.assert_close(trained, losses[-1], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(losses[0], losses[2], rtol=1e-5, atol=1e-6)
    tie = read_judgements(written(tmp_path / "d.csv", ["CCO,CCN,tie"], "chosen,rejected,answer"))
    assert (tie.ties, tie.labels.tolist()) == (1, [0.5])
    for margin in (-0.7, 0.0, 1.3):
        both = (log_likelihood(np.array([m]), np.ones(1), np.ones(1)) for m in (margin, -margin))
        assert log_likelihood(np.array([margin]), tie.labels, tie.weights) == pytest.approx(sum(both) / 2)


MIXED = [
    "CCO,CCN,chosen,1",
    "CCN,CCO,chosen,1",  # the other way round
    "C[C@H](O)F,C[C@@H](O)F,chosen,1",  # what a proxy cannot tell apart
    "CCO,CCC,tie,2",
    "CCO,CCC,skip,1",
    "CCO,CCC,perhaps,1",
    "CCO,CCC,chosen,-1",
    "nothing-such,CCC,chosen,1",
    "CCC,CCN,0.75,1",
]


def test_every_row_is_used_or_counted(tmp_path):
    path = written(tmp_path / "mixed.csv", MIXED, "chosen,rejected,answer,n")
    table = read_judgements(path, weight="n")
    assert table.labels.tolist() == [1, 1, 0.5, 0.75]
    assert table.weights.tolist() == [1, 1, 2, 1]
    counts = {out.reason: (out.count, out.lines) for out in table.left_out}
    assert counts == {
        "same molecule": (1, [4]),
        "skipped": (1, [6]),
        "not an answer": (1, [7]),
        "not a weight": (1, [8]),
        "not a SMILES": (1, [9]),
    }
    assert len(table) + sum(n for n, _ in counts.values()) == table.table.rows == len(MIXED)
    assert (table.table.contradicted.count, table.table.contradicted.lines) == (2, [2, 3])
    assert "2 contradictory, each kept as a vote: line 2, 3 (CCO and CCN, of which line 3 prefers" in table.summary()
    less = read_judgements(path, weight="n", ties="drop", contradictory="drop")
    assert less.labels.tolist() == [0.75]
    assert {out.reason: out.count for out in less.left_out} == {
        **{reason: n for reason, (n, _) in counts.items()},
        "tie": 1,
        "contradictory": 2,
    }
    for lines, options, what in (
        (["CCO,CCO"], {}, r"no pair is left to learn from\n.*0 of 1 pairs kept\n.*same molecule"),
        (["CCO,CCN", "CCN,CCO"], {"contradictory": "drop"}, r"2 left out: contradictory"),
    ):
        with pytest.raises(DataError, match=f"(?s){what}"):
            read_judgements(written(tmp_path / "none.csv", lines), **options)
    with pytest.raises(DataError, match="no column 'votes'; the columns are: chosen, rejected, answer, n"):
        read_judgements(path, weight="votes")


@pytest.fixture
def ordered(tmp_path):
    """Chains and rings of carbon, of which the larger one is always preferred; every pair is judged twice."""
    names = ["C" * n for n in range(2, 12)] + [f"C1{'C' * n}C1" for n in range(1, 9)]
    size = [name.count("C") for name in names]
    pairs = [(a, b) for a in range(18) for b in range(18) if size[a] > size[b] and (a + b) % 2]
    return read_judgements(written(tmp_path / "ordered.csv", [f"{names[a]},{names[b]}" for a, b in pairs * 2]))


def test_judgements_of_a_pair_stay_together(ordered):
    parts = ordered.parts(kind="random", validation=0.2, test=0.2, seed=3)
    rows = [parts.train, parts.validation, parts.test]
    assert sorted(np.concatenate(rows)) == list(range(len(ordered)))
    different = [set(ordered.pair[own]) for own in rows]
    assert sum(map(len, different)) == len(np.unique(ordered.pair))
    held = ordered.parts(kind="scaffold", validation=0.2, test=0.2, seed=1)
    used = [set(np.concatenate([ordered.chosen[own], ordered.rejected[own]])) for own in (held.train, held.test)]
    assert used[1] - used[0]  # scaffolds that training does not see
    assert sorted(np.concatenate([held.train, held.validation, held.test])) == list(range(len(ordered)))
    with pytest.raises(DataError, match=r"too few to split: the part for validation would .* give more pairs"):
        ordered.parts(kind="random", validation=0.001, test=0, seed=0)


@pytest.mark.parametrize("uncertainty", OF_PAIRS)
def test_from_judgements_to_an_oracle(ordered, tmp_path, uncertainty):
    settings = FitSettings(members=2, width=16, layers=2, epochs=15, batch=32, lr=5e-3)
    fitted = fit_pairs(ordered, settings, uncertainty=uncertainty, validation=0.2, test=0.2)
    path = tmp_path / "proxy.pt"
    fitted.save(path)
    again = load(path)
    assert again.card == fitted.card
    test = again.card.pairs["test"]
    assert test.accuracy > 0.85
    assert test.size_accuracy == 1.0  # the baseline knows it all here
    assert -math.log(2) + 0.2 < test.log_likelihood < 0
    assert evaluate_pairs(again, ordered) == pytest.approx(again.card.pairs)
    molecules = parse(["C" * 10, "CC"])
    values = Proxy(weights=str(path)).values(molecules)
    assert values[0] > values[1] + 1
    seen = np.unique(ordered.chosen), np.unique(ordered.rejected)
    everyone = [ordered.molecules[i].mol for i in sorted(set(seen[0]) | set(seen[1]))]
    assert abs(again.predict(everyone)[0].mean()) < 0.5  # centred on the training part
    assert "pairs" in again.card.data
    assert again.card.data["rows"] == len(ordered)


def test_an_ensemble_is_centred_member_by_member(ordered):
    fitted = fit_pairs(ordered, SMALL, validation=0.2, test=0)
    parts = ordered.parts(kind="random", validation=0.2, test=0, seed=0)
    seen = np.unique([ordered.chosen[parts.train], ordered.rejected[parts.train]])
    means = fitted.members([ordered.molecules[i].mol for i in seen]).mean(1)
    assert means == pytest.approx(0, abs=1e-5)
    assert set(fitted.card.pairs) == {"train", "validation"}


def test_kinds_that_read_numbers_are_refused(ordered):
    for uncertainty in ("gp", "gflowout"):
        with pytest.raises(ConfigError, match=r"cannot be fitted to pairs.*use ensemble or mc_dropout"):
            fit_pairs(ordered, SMALL, uncertainty=uncertainty)


def test_metrics_by_hand():
    margin, labels, weights = np.array([2.0, -1.0, 0.0, 3.0]), np.array([1.0, 1.0, 1.0, 0.5]), np.array([1.0, 2, 1, 5])
    assert accuracy(margin, labels, weights) == pytest.approx((1 + 0 + 0.5) / 4)
    assert math.isnan(accuracy(margin[3:], labels[3:], weights[3:]))
    ln = [math.log(1 / (1 + math.exp(-2))), 2 * math.log(1 / (1 + math.exp(1))), math.log(0.5)]
    tie = 5 * (math.log(1 / (1 + math.exp(-3))) + math.log(1 / (1 + math.exp(3)))) / 2
    assert log_likelihood(margin, labels, weights) == pytest.approx((sum(ln) + tie) / 9)
    two = np.array([1.0, 1.0, 1.0, -1.0])  # preferred three times of four: odds of three
    assert slope(two, np.ones(4), np.ones(4)) == pytest.approx(math.log(3), abs=1e-3)
