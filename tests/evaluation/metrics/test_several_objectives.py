"""Fronts and indicators of several objectives, against numbers computed by hand."""

from itertools import combinations
from math import comb, log

import numpy as np
import pytest

from molgfn.evaluation.evaluator import evaluate_samples
from molgfn.evaluation.metrics.several_objectives.fronts import complete, hypervolume, pareto_front
from molgfn.evaluation.metrics.several_objectives.indicators import cosines, igd, pc_entropy, r2
from molgfn.evaluation.metrics.several_objectives.metric import SeveralObjectives, front_of
from molgfn.evaluation.metrics.several_objectives.references import faces, finest_lattice, n_faces, simplex_lattice

NAN = float("nan")


def test_a_front_is_what_nothing_dominates():
    points = np.array([[1, 0], [0.5, 0.5], [0.4, 0.4], [0, 1], [NAN, 1], [0.5, 0.5], [0.5, 0.3]])
    assert pareto_front(points).tolist() == [0, 1, 3, 5]
    assert len(complete(points)) == 6
    assert pareto_front(np.full((3, 2), NAN)).tolist() == []
    assert pareto_front(np.zeros((0, 3))).tolist() == []


@pytest.mark.parametrize("dimensions", [2, 3, 4, 5, 6])
def test_a_front_is_that_of_the_definition(dimensions):
    points = np.random.default_rng(dimensions).integers(0, 5, (60, dimensions)) / 4
    beaten = [((q >= p).all(1) & (q > p).any(1)).any() for p in points for q in [points]]
    assert pareto_front(points).tolist() == np.flatnonzero(~np.array(beaten)).tolist()


def test_hypervolume_by_hand():
    assert hypervolume(np.array([[1, 0.5], [0.5, 1], [0.4, 0.4]])) == pytest.approx(0.75, abs=1e-15)
    assert hypervolume(np.array([[0.5] * 4])) == pytest.approx(0.5**4, abs=1e-15)
    assert hypervolume(np.array([[0.5, 0.5], [0.5, NAN], [0.5, 0.5]])) == 0.25
    assert hypervolume(np.ones((1, 3))) == 1.0
    assert hypervolume(np.array([[0.0, 1.0]])) == 0.0
    assert hypervolume(np.zeros((0, 3))) == 0.0


@pytest.mark.parametrize("dimensions", [2, 3, 4, 5])
def test_hypervolume_is_the_volume_of_the_union_of_boxes(dimensions):
    points = np.random.default_rng(dimensions).random((7, dimensions))
    volume = sum(
        (-1) ** (size + 1) * points[list(rows)].min(0).prod()
        for size in range(1, 8)
        for rows in combinations(range(7), size)
    )
    assert hypervolume(points) == pytest.approx(volume, abs=1e-12)


def test_lattices_of_weights():
    expected = [[0, 0, 1], [0, 0.5, 0.5], [0, 1, 0], [0.5, 0, 0.5], [0.5, 0.5, 0], [1, 0, 0]]
    assert sorted(simplex_lattice(3, 2).tolist()) == expected
    for dimensions, partitions, size in ((2, 499, 500), (3, 30, 496), (4, 12, 455), (5, 8, 495)):
        weights = finest_lattice(dimensions, 500)
        assert len(weights) == size == comb(partitions + dimensions - 1, dimensions - 1)
        assert weights.sum(1) == pytest.approx(np.ones(size))
        assert len(np.unique(weights.round(9), axis=0)) == size
        assert weights.min() == 0


def test_faces_of_the_cube():
    assert sorted(faces(2, 3).tolist()) == [[0, 1], [0.5, 1], [1, 0], [1, 0.5], [1, 1]]
    for dimensions in (2, 3, 4):
        found = faces(dimensions, 10)
        assert len(found) == n_faces(dimensions, 10) == 10**dimensions - 9**dimensions
        assert (found.max(1) == 1).all()
        assert (found.min(1) >= 0).all()


def test_r2_by_hand():
    weights = np.array([[1, 0], [0, 1], [0.5, 0.5]])
    assert r2(np.array([[1.0, 0]]), weights) == 0.5  # 0, 1 and 1/2
    assert r2(np.array([[1.0, 0], [0, 1]]), weights) == pytest.approx(1 / 6)
    assert r2(np.array([[1.0, 1]]), weights) == 0.0
    assert r2(np.array([[0.2, 0.6], [0.1, 0.1]]), weights) == pytest.approx((0.8 + 0.4 + 0.4) / 3)


def test_dominated_points_change_no_r2(monkeypatch):
    points = np.random.default_rng(0).random((300, 3))
    weights = finest_lattice(3, 500)
    whole = r2(points, weights)
    assert r2(points[pareto_front(points)], weights) == pytest.approx(whole, abs=1e-15)
    monkeypatch.setattr("molgfn.evaluation.metrics.several_objectives.indicators.BLOCK", 1000)
    assert r2(points, weights) == whole, "whatever is held at once"


def test_igd_by_hand():
    reference = faces(2, 3)
    assert igd(np.array([[1.0, 1]]), reference) == pytest.approx((1 + 0.5 + 0 + 1 + 0.5) / 5)
    assert igd(reference, reference) == 0.0
    assert igd(np.array([[1.0, 1], [0, 0.4]]), reference) == pytest.approx((0.6 + 0.5 + 0 + 1 + 0.5) / 5)


def test_pc_entropy_by_hand(monkeypatch):
    reference = faces(2, 3)
    points = np.array([[0.9, 0.9], [0.95, 0.99], [0.0, 0.7], [1.0, 0.1]])
    assert pc_entropy(points, reference) == pytest.approx(-0.5 * log(0.5) - 2 * 0.25 * log(0.25))
    assert pc_entropy(points[:2], reference) == 0.0
    assert pc_entropy(reference, reference) == pytest.approx(log(5))
    monkeypatch.setattr("molgfn.evaluation.metrics.several_objectives.indicators.BLOCK", 6)
    assert pc_entropy(reference, reference) == pytest.approx(log(5))


def test_cosines():
    points = np.array([[1.0, 0], [3, 4], [0, 0], [NAN, 1], [0, 2]])
    found = cosines(points, np.array([0.6, 0.8]))
    assert found[[0, 1, 2, 4]] == pytest.approx([0.6, 1.0, 0.0, 0.8])
    assert np.isnan(found[3])
    assert (np.abs(cosines(np.random.default_rng(0).random((100, 3)), np.ones(3)))[:] <= 1).all()


def test_readings_name_all_that_they_depend_on(samples):
    columns = {"a": np.array([1.0, 0.5, 0.5, 0.2]), "b": np.array([0.2, 0.5, 0.5, NAN])}
    s = samples(["CCO", "CC", "CC", "C"], [0.1, 0.4, 0.4, 0.9], objectives=columns)
    found = evaluate_samples(s, [SeveralObjectives()])
    assert set(found) == {
        *("objectives/hypervolume/n=4", "objectives/r2/weights=500/n=4", "objectives/front/n=4"),
        *("objectives/igd/points=10/n=4", "objectives/pc_entropy/points=10/n=4"),
    }
    assert found["objectives/hypervolume/n=4"].value == pytest.approx(0.2 + 0.5 * 0.3)
    assert found["objectives/hypervolume/n=4"].count == 3
    assert found["objectives/front/n=4"].value == 2, "the same molecule drawn twice is one"
    assert [s.keys[i] for i in front_of(s)] == ["CC", "CCO"], "best log R first"
    points = complete(s.points)
    assert found["objectives/igd/points=10/n=4"].value == pytest.approx(igd(points, faces(2, 10)))
    assert found["objectives/pc_entropy/points=10/n=4"].value == pytest.approx(log(3) - 2 / 3 * log(2))


def test_one_objective_has_no_front(samples):
    for columns in ({}, {"a": np.array([0.1, 0.2])}):
        s = samples(["CCO", "CC"], [0.1, 0.2], objectives=columns)
        assert evaluate_samples(s, [SeveralObjectives()]) == {}
        assert len(front_of(s)) == 0


def test_what_cannot_be_measured_says_why(samples):
    many = {f"o{i}": np.array([0.5]) for i in range(6)}
    found = evaluate_samples(samples(["CCO"], [0.5], objectives=many), [SeveralObjectives()])
    assert found["objectives/hypervolume/n=1"].value == pytest.approx(0.5**6)
    assert (
        found["objectives/igd/points=10/n=1"].note
        == "the reference of 6 objectives has 468,559 points, more than 50,000"
    )
    none = {"a": np.array([NAN, 0.2]), "b": np.array([0.5, NAN])}
    found = evaluate_samples(samples(["CCO", "C"], [0.5, 0.2], objectives=none), [SeveralObjectives()])
    assert found["objectives"].note == "no sample has a value of every objective"


def test_an_objective_without_any_value_is_left_out(samples):
    columns = {"a": np.array([0.5, 1.0]), "near": np.full(2, NAN), "b": np.array([1.0, 0.5])}
    s = samples(["CCO", "CC"], [0.5, 0.2], objectives=columns)
    assert evaluate_samples(s, [SeveralObjectives()])["objectives/hypervolume/n=2"].value == pytest.approx(0.75)
