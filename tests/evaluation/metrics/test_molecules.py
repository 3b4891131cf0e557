"""What a chemist asks of molecules, on some whose answers are known."""

import numpy as np
import pytest

from molgfn.evaluation.metrics.diversity.vendi import Vendi, vendi_score
from molgfn.evaluation.metrics.molecules.alerts import AlertsPassRate
from molgfn.evaluation.metrics.molecules.synthetic_accessibility import SyntheticAccessibility


def test_vendi_by_hand():
    assert vendi_score(np.ones((3, 3))) == pytest.approx(1)
    assert vendi_score(np.eye(4)) == pytest.approx(4)
    # two of similarity s: eigenvalues (1 + s) / 2 and (1 - s) / 2
    s = 0.6
    assert vendi_score(np.array([[1, s], [s, 1]])) == pytest.approx(0.8**-0.8 * 0.2**-0.2)
    # two pairs of twins are two objects
    assert vendi_score(np.kron(np.eye(2), np.ones((2, 2)))) == pytest.approx(2)


def test_vendi_counts_different_molecules(samples):
    readings = Vendi()(samples(["CCO", "OCC", "("]))
    assert readings["vendi/n=3"].value == pytest.approx(1)
    readings = Vendi()(samples(["CCO", "c1ccccc1"]))
    assert 1.9 < readings["vendi/n=2"].value <= 2
    assert "more than 1" in Vendi(most=1)(samples(["CCO", "CC"]))["vendi/n=2"].note
    assert "no valid" in Vendi()(samples(["("]))["vendi/n=1"].note


def test_alerts_are_counted_by_catalogue(samples):
    """Rhodanine is of PAINS and of BRENK; a nitro group is of BRENK alone; ethanol and benzene are of none."""
    found = AlertsPassRate()(samples(["CCO", "c1ccccc1", "O=C1CSC(=S)N1CC=Cc1ccccc1", "CC[N+](=O)[O-]", "OCC"]))
    assert found["alerts/BRENK"].value == 0.5
    assert found["alerts/all"].value == 0.5
    assert found["alerts/PAINS"].value >= found["alerts/all"].value
    assert found["alerts/all"].count == 4
    assert AlertsPassRate(catalogs=("BRENK",))(samples(["("]))["alerts/all"].value is None


def test_synthetic_accessibility_is_the_mean_of_the_oracle(samples):
    found = SyntheticAccessibility()(samples(["CCO", "c1ccccc1", "OCC"]))["synthetic_accessibility"]
    assert found.value == pytest.approx((1.980257 + 1.0) / 2, abs=1e-4)
    assert found.count == 2
    assert SyntheticAccessibility()(samples(["("]))["synthetic_accessibility"].value is None
