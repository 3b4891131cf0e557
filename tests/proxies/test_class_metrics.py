"""Metrics of probabilities, and how sure members are of a label, by hand."""

import math

import numpy as np
import pytest

from molgfn.proxies.classes.metrics import (
    LEAST,
    average_precision,
    balanced_accuracy,
    binned_calibration_error,
    judge_classes,
    matthews,
    measure_classes,
)
from molgfn.proxies.classes.uncertainty import of_members


def test_metrics_by_hand():
    labels, p = np.array([1.0, 0, 1, 0, 1]), np.array([0.9, 0.8, 0.4, 0.1, 0.8])
    m = measure_classes(labels, p)
    assert (m.n, m.positives) == (5, 3)
    assert m.nll == pytest.approx(-(math.log(0.9) + math.log(0.2) + math.log(0.4) + math.log(0.9) + math.log(0.8)) / 5)
    assert m.brier == pytest.approx((0.01 + 0.64 + 0.36 + 0.01 + 0.04) / 5)
    # bins of .1, .4, .8 (twice) and .9
    assert m.ece == pytest.approx((0.1 + 0.6 + abs(0.5 * 2 - 1.6) + 0.1) / 5)
    assert m.accuracy == pytest.approx(3 / 5)  # told: 1 1 0 0 1
    assert m.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert m.mcc == pytest.approx((2 * 1 - 1 * 1) / math.sqrt(3 * 3 * 2 * 2))
    assert m.auroc == pytest.approx((2 + 1 + 1.5) / 6)  # .9 beats both, .4 one, .8 one and half of the other
    # thresholds .9 (1 of 1), .8 (2 of 3), .4 (3 of 4), .1: precision times gain of recall
    assert m.auprc == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


def test_metrics_where_they_are_not_defined():
    ones = measure_classes(np.ones(3), np.array([0.9, 1.0, 0.2]))
    assert np.isnan([ones.balanced_accuracy, ones.mcc, ones.auroc]).all()
    assert ones.auprc == 1
    assert np.isnan(average_precision(np.zeros(2, dtype=bool), np.ones(2)))
    assert np.isnan(matthews(np.array([True, False]), np.array([True, True])))
    assert balanced_accuracy(np.array([True, False]), np.array([True, True])) == 0.5
    wrong = measure_classes(np.array([1.0, 0]), np.array([0.0, 1.0]))  # sure, and wrong: no infinity
    assert (wrong.nll, wrong.ece, wrong.brier) == (pytest.approx(-math.log(LEAST)), 1, 1)
    assert wrong.mcc == -1
    sure = measure_classes(np.array([1.0, 0]), np.array([1.0, 0.0]))
    assert (sure.nll, sure.ece, sure.mcc) == (0, 0, 1)


def test_right_probabilities_are_calibrated_and_bold_ones_are_not():
    random = np.random.default_rng(0)
    p = random.random(20_000)
    labels = (random.random(20_000) < p).astype(float)
    assert binned_calibration_error(labels, p) < 0.02
    bold = p**3 / (p**3 + (1 - p) ** 3)
    assert binned_calibration_error(labels, bold) > 0.1
    assert measure_classes(labels, bold).nll > measure_classes(labels, p).nll
    assert measure_classes(labels, bold).auroc == measure_classes(labels, p).auroc


def test_entropy_and_information_of_members():
    members = np.array([[0.5, 0.0, 0.2], [0.5, 1.0, 0.4]])
    found = of_members(members)
    np.testing.assert_allclose(found.probability, [0.5, 0.5, 0.3])
    np.testing.assert_allclose(found.std, members.std(0, ddof=1))
    h = [-sum(q * math.log(q) for q in (p, 1 - p)) for p in (0.3, 0.2, 0.4)]
    np.testing.assert_allclose(found.entropy, [math.log(2), math.log(2), h[0]])
    np.testing.assert_allclose(found.mutual_information, [0, math.log(2), h[0] - (h[1] + h[2]) / 2], atol=1e-15)
    assert of_members(members[:1]).std.tolist() == [0, 0, 0]
    judged = judge_classes(np.array([1.0, 0, 1]), members, members[:, [1, 1]])
    assert judged.ood_auroc_information == pytest.approx((1 + 0.5 + 1) / 3)
    assert judged.ood_auroc_entropy == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert judged.outside == 2
    assert np.isnan(judge_classes(np.ones(3), members).ood_auroc_entropy)
