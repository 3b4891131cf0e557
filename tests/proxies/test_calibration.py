"""Numbers of calibration, by hand."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from molgfn.proxies.calibration import (
    auroc,
    central_probability,
    expected_calibration_error,
    judge,
    miscalibration_area,
    negative_log_likelihood,
)


def test_likelihood_is_that_of_the_normal_density():
    truth, mean, std = np.array([1.0, 2]), np.array([0.0, 2]), np.array([1.0, 2])
    by_hand = 0.5 * np.log(2 * np.pi) + (0.5 + np.log(2)) / 2
    assert negative_log_likelihood(truth, mean, std) == pytest.approx(by_hand)


def test_intervals():
    central = central_probability(np.array([0.0, 1, -2]), np.zeros(3), np.array([1.0, 1, 1]))
    assert central == pytest.approx([0, norm.cdf(1) - norm.cdf(-1), norm.cdf(2) - norm.cdf(-2)])


def test_the_area_is_the_integral_of_the_difference():
    assert miscalibration_area(np.zeros(4)) == pytest.approx(0.5)  # errors of nothing: intervals too wide
    assert miscalibration_area(np.ones(4)) == pytest.approx(0.5)
    assert miscalibration_area(np.array([0.5])) == pytest.approx(0.25)  # two triangles of 1/8
    central = np.random.default_rng(0).random(7) ** 2
    points = np.sort(central).tolist()
    area, _ = quad(lambda p: abs((central <= p).mean() - p), 0, 1, points=points, limit=200)
    assert miscalibration_area(central) == pytest.approx(area, abs=1e-6)


def test_the_error_is_the_mean_difference_at_nineteen_levels():
    assert expected_calibration_error(np.array([0.5])) == pytest.approx((2 * sum(np.arange(1, 10) * 0.05) + 0.5) / 19)
    even = (np.arange(1000) + 0.5) / 1000
    assert expected_calibration_error(even) == pytest.approx(0, abs=1e-12)
    assert miscalibration_area(even) < 1e-3


def test_auroc_counts_pairs():
    positive, negative = np.array([3.0, 1, 2]), np.array([0.0, 2])
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(np.mean(pairs))
    assert np.isnan(auroc(positive, negative[:0]))


def test_all_of_them_together():
    random = np.random.default_rng(0)
    std = random.uniform(0.5, 2, size=4000)
    truth = std * random.standard_normal(4000)
    right, bold = (judge(truth, np.zeros(4000), factor * std, 3 * std) for factor in (1.0, 0.5))
    assert right.ece < 0.02
    assert right.miscalibration_area < 0.02
    assert bold.ece > 0.15
    assert bold.nll > right.nll
    assert right.rmse == bold.rmse == pytest.approx(np.sqrt((truth**2).mean()))
    assert right.ood_auroc > 0.8
    assert (right.n, right.outside) == (4000, 4000)
    assert np.isnan(judge(truth, np.zeros(4000), std).ood_auroc)
