"""Measures of editors, by hand."""

from math import isnan

import pytest

from molgfn.editing.metrics import diversity, edit_percentage, improvement_over_leads, property_improvement, success


def test_property_improvement_is_the_mean_gain():
    assert property_improvement([0.1, 0.5], [0.3, 0.4]) == pytest.approx(0.05)
    assert isnan(property_improvement([], []))


def test_leads_without_a_child_count_as_unchanged():
    value, error = improvement_over_leads([[1.0, 3.0], [], [4.0], []])
    assert value == pytest.approx((2 + 0 + 4 + 0) / 4)
    assert error == pytest.approx((11 / 3) ** 0.5 / 2)  # 2, 0, 4, 0: squares about the mean add up to 11
    assert isnan(improvement_over_leads([[1.0]])[1])


def test_edit_percentage_is_of_the_parents_length():
    assert edit_percentage(["ACGT", "AA"], ["ACGA", "AA"]) == pytest.approx(12.5)
    assert isnan(edit_percentage([], []))


def test_diversity_is_over_all_pairs():
    assert diversity(["AAAA", "AAAC", "CCCC"]) == pytest.approx((1 + 4 + 3) / 3)
    assert isnan(diversity(["AAAA"]))


def test_success_has_wilsons_interval():
    share, low, high = success([True, False, False, False])
    assert share == 0.25
    assert low == pytest.approx(0.0456, abs=1e-3)
    assert high == pytest.approx(0.6994, abs=1e-3)
    assert success([True])[2] == pytest.approx(1.0)
