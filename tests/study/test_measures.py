"""Curves out of a run's metrics.csv."""

import numpy as np
import pytest

from molgfn.study import heldout
from molgfn.study.measures import curve

LOGGED = """step,found/trajectories,exact/tv,value/mean
49,1600,,0.5
99,,0.4123456789,0.5
149,4800,0.4123456789,0.6
199,6400,0.25,
"""


@pytest.fixture
def metrics(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(LOGGED)
    return path


def test_a_value_goes_with_the_latest_x(metrics):
    assert curve(metrics, "found/trajectories", "exact/tv") == [[1600.0, 6400.0], [0.412346, 0.25]]


def test_only_exact_values_are_measured_less_often_than_they_are_logged(metrics):
    assert curve(metrics, "found/trajectories", "value/mean") == [[1600.0, 1600.0, 4800.0], [0.5, 0.5, 0.6]]


def test_what_is_measured_twice_alike_counts_twice(tmp_path):
    """In files that hold each value where it was measured nothing is left out."""
    path = tmp_path / "metrics.csv"
    lines = LOGGED.splitlines()
    path.write_text("\n".join([f"{lines[0]},time/elapsed_seconds", *(f"{line},1.0" for line in lines[1:])]))
    assert curve(path, "found/trajectories", "exact/tv") == [[1600.0, 4800.0, 6400.0], [0.412346, 0.412346, 0.25]]


def test_a_column_that_is_not_there(metrics):
    assert curve(metrics, "found/trajectories", "exact/jsd") == [[], []]


@pytest.mark.parametrize(("objects", "reported"), [(9, False), (10, True)])
def test_a_correlation_takes_ten_objects(objects, reported, monkeypatch):
    log_p = np.append(np.arange(float(objects)), -np.inf)
    monkeypatch.setattr(heldout, "_untrained", lambda *_: (log_p, np.arange(objects + 1.0)))
    found = heldout.heldout_correlation(None, None, None, objects + 1)
    assert bool(found) == reported
    assert not reported or found["heldout/objects"] == objects
