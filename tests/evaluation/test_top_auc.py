"""PMO's areas against a slow transcription of their definition."""

import sqlite3

import numpy as np
import pandas as pd
import pytest
import yaml

from molgfn.errors import DataError
from molgfn.evaluation.top_auc import efficiency, scored_values, top_auc, top_means, write_pmo


def slow(values, n, every, budget):
    """Reading by reading: the mean of the best n so far, trapezes between, the last mean up to the budget."""
    area, before, called = 0.0, 0.0, 0
    for count in range(every, min(len(values), budget), every):
        now = np.mean(sorted(values[:count], reverse=True)[:n])
        area += every * (now + before) / 2
        before, called = now, count
    now = np.mean(sorted(values, reverse=True)[:n])
    area += (len(values) - called) * (now + before) / 2
    return (area + max(0, budget - len(values)) * now) / budget


@pytest.mark.parametrize("length", [1, 99, 100, 101, 250, 1000])
@pytest.mark.parametrize("n", [1, 10, 100])
def test_areas(length, n):
    values = np.random.default_rng(length).random(length)
    for budget in (1000, 2500):
        assert top_auc(values, n, budget=budget) == pytest.approx(slow(list(values), n, 100, budget), abs=1e-12)


def test_means_and_what_has_no_value():
    assert top_means([0.1, float("nan"), 0.5, 0.3], 2, [1, 2, 3, 4]).tolist() == pytest.approx([0.1, 0.05, 0.3, 0.4])
    assert top_auc([], 10, budget=100) == 0.0
    assert efficiency([], budget=10) == {}
    assert top_auc([1.0] * 500, 1, budget=200) == top_auc([1.0] * 200, 1, budget=200)  # beyond the budget: not seen


def test_files_of_a_run(tmp_path):
    with sqlite3.connect(tmp_path / "scored.sqlite") as connection:
        connection.execute("CREATE TABLE scored (call INTEGER PRIMARY KEY, key TEXT, value REAL)")
        rows = [(i, f"{'C' * i}", None if i == 7 else i / 1000) for i in range(1, 251)]
        connection.executemany("INSERT INTO scored VALUES (?, ?, ?)", rows)
    found = write_pmo(tmp_path, budget=500)
    values = [0.0 if i == 7 else i / 1000 for i in range(1, 251)]
    assert found["avg_top1"] == 0.25
    assert found["auc_top10"] == pytest.approx(slow(values, 10, 100, 500))
    curve = pd.read_csv(tmp_path / "top_auc.csv")
    assert curve["calls"].tolist() == [100, 200, 250]
    assert curve["avg_top1"].tolist() == [0.1, 0.2, 0.25]
    results = yaml.safe_load((tmp_path / "results.yaml").read_text())
    assert len(results) == 250
    assert results["CC"] == [0.002, 2]
    assert results["C" * 7] == [0.0, 7]


def test_what_is_no_record_says_so(tmp_path):
    with pytest.raises(DataError, match=r"scoring\.record"):
        scored_values(tmp_path / "scored.sqlite")
    (tmp_path / "scored.sqlite").write_text("nonsense" * 1000)
    with pytest.raises(DataError, match="not the record of a run"):
        scored_values(tmp_path / "scored.sqlite")
