import json
import math

import numpy as np
import pytest

from molgfn.evaluation.readings import Reading


def test_wilson_interval_of_eight_in_ten():
    reading = Reading.proportion(8, 10)
    assert reading.value == 0.8
    assert (reading.low, reading.high) == (pytest.approx(0.4901625, abs=1e-6), pytest.approx(0.9433178, abs=1e-6))


def test_wilson_interval_of_all_is_not_a_point():
    reading = Reading.proportion(20, 20)
    assert reading.value == reading.high == 1.0
    assert reading.low < 0.9


def test_nothing_to_count_among_has_a_reason():
    assert Reading.proportion(0, 0).value is None
    assert Reading.proportion(0, 0).note


def test_mean_with_t_interval_and_without_nan():
    reading = Reading.mean(np.array([1.0, 2.0, 3.0, np.nan]))
    assert reading.value == 2.0
    assert reading.count == 3
    assert reading.error == pytest.approx(1 / math.sqrt(3))
    assert reading.high - 2.0 == pytest.approx(4.302653 / math.sqrt(3), abs=1e-5)


def test_mean_of_one_value_claims_no_interval():
    reading = Reading.mean(np.array([5.0]))
    assert (reading.value, reading.low, reading.count) == (5.0, None, 1)
    assert Reading.mean(np.array([np.nan])).value is None


def test_bootstrap_is_seeded_and_covers_the_mean():
    x = np.random.default_rng(1).normal(size=200)
    first = Reading.bootstrap(lambda a: float(a.mean()), x)
    assert first == Reading.bootstrap(lambda a: float(a.mean()), x)
    assert first.error == pytest.approx(x.std() / math.sqrt(200), rel=0.15)
    assert first.low < first.value < first.high


def test_plain_readings_are_json_even_when_infinite():
    plain = Reading(math.inf, count=3).plain()
    assert plain == {"value": "inf", "count": 3}
    json.dumps(plain, allow_nan=False)
    assert Reading.missing("why").plain() == {"note": "why"}
