"""Statistics over tasks and seeds: hand-computed cases, and the values that rliable 1.2.0 gives for the same scores."""

import numpy as np
import pytest
from scipy import stats

from molgfn.study.statistics.aggregates import AGGREGATES, estimate, interquartile_mean, mean, median, optimality_gap
from molgfn.study.statistics.pairs import holm, paired_difference, signed_rank
from molgfn.study.statistics.profiles import performance_profile, probability_of_improvement, profile_band
from molgfn.study.statistics.ranks import ranks

#: three tasks, five runs each, of two rows
X = np.array(
    [
        [0.597, 0.407, 0.716],
        [0.598, 0.547, 0.783],
        [0.866, 0.809, 0.632],
        [0.468, 0.3, 0.491],
        [0.793, 0.881, 0.891],
    ]
)
Y = np.array(
    [
        [0.603, 0.34, 0.94],
        [0.598, 0.63, 0.807],
        [1.074, 0.991, 0.745],
        [0.298, 0.355, 0.609],
        [0.943, 0.869, 1.123],
    ]
)
#: statistic -> its values for X and Y, and the ends of the interval for X of 20,000 resamples
RLIABLE = {
    "IQM": (0.6628888888888889, 0.7493333333333333, 0.5515527777777779, 0.774888888888889),
    "median": (0.6644, 0.7032, 0.5588, 0.7574),
    "mean": (0.6519333333333334, 0.7283333333333332, 0.564865, 0.7384683333333333),
    "optimality gap": (0.34806666666666664, 0.28480000000000005, 0.25986499999999996, 0.4342666666666667),
}


@pytest.mark.parametrize("name", RLIABLE)
def test_aggregates_are_those_of_rliable(name):
    of_x, of_y, low, high = RLIABLE[name]
    found = estimate(list(X.T), AGGREGATES[name], resamples=20_000)
    assert found.value == pytest.approx(of_x, abs=1e-12)
    assert float(AGGREGATES[name](list(Y.T))) == pytest.approx(of_y, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.005)  # other draws


def test_profiles_and_improvement_are_those_of_rliable():
    levels = np.array([0.3, 0.5, 0.7, 0.9])
    assert performance_profile(list(X.T), levels) == pytest.approx([14 / 15, 11 / 15, 7 / 15, 0.0], abs=1e-12)
    low, high = profile_band(list(X.T), levels, resamples=20_000)
    assert low == pytest.approx([0.8, 8 / 15, 0.2, 0.0], abs=1e-9)
    assert high == pytest.approx([1.0, 14 / 15, 11 / 15, 0.0], abs=1e-9)
    found = probability_of_improvement(list(Y.T), list(X.T), resamples=5_000)
    assert found.value == pytest.approx(0.6333333333333334, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((0.41333, 0.84), abs=0.03)


def test_aggregates_by_hand():
    scores = [np.array([0.0, 1.0]), np.array([0.2, 0.4]), np.array([2.0, 2.0])]
    assert mean(scores) == pytest.approx((0.5 + 0.3 + 2.0) / 3)
    assert median(scores) == pytest.approx(0.5)
    assert optimality_gap(scores) == pytest.approx(1 - (0.5 + 0.3 + 1.0) / 3)  # what is above 1 does not count
    assert interquartile_mean(scores) == pytest.approx((0.2 + 0.4 + 1.0 + 2.0) / 4)  # of six, one is cut at each end


def test_tasks_may_have_different_numbers_of_runs():
    scores = [np.array([0.5]), np.array([0.1, 0.3, 0.2])]
    found = estimate(scores, mean)
    assert found.value == pytest.approx(0.35)
    assert found.count == 4
    assert found.low < found.value < found.high
    assert estimate([np.array([0.5]), np.array([0.1])], mean).low is None


def test_the_bootstrap_draws_within_tasks():
    """Runs of a task that are all alike add nothing to the interval, however far tasks are apart."""
    found = estimate([np.full(4, 0.1), np.full(4, 0.9)], mean)
    assert (found.low, found.high) == pytest.approx((0.5, 0.5))


def test_signed_rank_is_scipys_and_knows_runs_that_are_alike():
    differences = np.array([0.3, -0.1, 0.2, 0.5, 0.4, 0.0])
    assert signed_rank(differences) == stats.wilcoxon(differences[:-1]).pvalue == pytest.approx(2 * 2 / 2**5)
    assert signed_rank(np.zeros(4)) == 1.0
    assert signed_rank(np.arange(1.0, 6.0)) == pytest.approx(2 / 2**5)  # the least that five pairs can say


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.4, 0.6]) == pytest.approx([0.8, 0.8])
    assert holm([]) == []


def test_paired_differences_forget_what_a_seed_has_in_common():
    """Seeds differ by far more than rows: only pairs show it."""
    seeds = np.array([0.1, 0.5, 0.9, 0.3])
    found = paired_difference([seeds + 0.01 - seeds, seeds + 0.03 - seeds])
    assert found.value == pytest.approx(0.02)
    assert (found.low, found.high) == pytest.approx((0.02, 0.02))


def test_ranks_are_averages_and_friedmans_statistic_is_scipys():
    scores = np.array([[0.9, 0.5, 0.1], [0.8, 0.8, 0.2], [0.3, 0.7, 0.1], [0.6, 0.5, 0.4]])
    found = ranks(scores)
    assert found.average == pytest.approx([(1 + 1.5 + 2 + 1) / 4, (2 + 1.5 + 1 + 2) / 4, 3.0])
    expected = stats.friedmanchisquare(*scores.T)
    assert (found.statistic, found.p) == (expected.statistic, expected.pvalue)
    assert found.blocks == 4


def test_two_rows_have_ranks_and_no_test():
    found = ranks(np.array([[0.1, 0.2], [0.3, 0.1]]))
    assert found.average.tolist() == [1.5, 1.5]
    assert found.p is None
    assert ranks(np.ones((3, 4))).p is None  # all alike
