"""One answer for all that correlate two columns: scipy's for ordinary ones, NaN and a reason for the others."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from molgfn.correlations import pearson, spearman, undefined
from molgfn.evaluation.exact.distances.log_correlation import log_correlation
from molgfn.evaluation.metrics.base import TerminalProbabilities
from molgfn.evaluation.metrics.correlation import rank_correlation
from molgfn.evaluation.readings import Reading
from molgfn.proxies.metrics import measure


def test_ordinary_columns_are_as_scipy_has_them():
    x, y = np.random.default_rng(0).normal(size=(2, 40)).round(1)  # with ties
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-14)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-14)
    assert undefined(x, y) is None


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        ([1.0], "1 rows; it takes 2"),
        ([3.0, 3.0, 3.0], "log P_T is the same for all 3 rows"),
        ([0.1 + 0.2, 0.3, 0.3], "log P_T is the same for all 3 rows"),
        ([0.0, 0.0, 0.0], "log P_T is the same for all 3 rows"),
        ([1.0, -math.inf, 2.0], "log P_T is not finite for all rows"),
        ([1.0, math.nan, 2.0], "log P_T is not finite for all rows"),
    ],
)
def test_what_is_undefined_is_nan_with_a_reason(x, reason):
    x = np.array(x)
    y = np.arange(float(len(x)))
    assert undefined(x, y, what="rows", names=("log P_T", "log R")) == reason
    for correlation in (pearson, spearman):
        assert math.isnan(correlation(x, y))
        assert math.isnan(correlation(y, x))


def test_all_that_correlate_say_the_same_of_a_constant():
    """Neither 0 nor a warning of numpy, which the test run makes an error."""
    alike, rising = np.full(12, 0.25), np.arange(12.0)
    terminal = TerminalProbabilities("samples", alike, np.zeros(12), rising, 16)
    assert rank_correlation(terminal) is None
    assert all(map(math.isnan, log_correlation(torch.tensor(alike), torch.tensor(rising))))
    assert math.isnan(measure(rising, alike, alike).spearman)


def test_resamples_without_a_correlation_are_left_out_of_the_interval_and_counted():
    x = np.arange(10.0)
    y = np.append(np.zeros(9), 1.0)  # a resample without the last row is constant: (9 / 10) ** 10 = .35 of them
    reading = Reading.bootstrap(pearson, x, y)
    assert reading.value == pytest.approx(stats.pearsonr(x, y).statistic)
    assert reading.low > 0.2, "a resample without a correlation is no correlation of 0"
    of = int(reading.note.removeprefix("interval of ").removesuffix(" of 999 resamples"))
    assert 0.6 < of / 999 < 0.7
    assert Reading.bootstrap(pearson, x, x).note == ""
