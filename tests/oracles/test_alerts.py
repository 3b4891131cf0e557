import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml
from rdkit.Chem.rdfiltercatalog import FilterCatalog, FilterCatalogParams

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.config import build
from molgfn.errors import ConfigError
from molgfn.oracles.alerts import _ORDER, Alerts
from molgfn.oracles.base import Oracle
from molgfn.oracles.qed import QED
from molgfn.oracles.sa import SA
from molgfn.testing import MOLECULES, check_oracle

CLEAN = "CC(C)Cc1ccc(cc1)C(C)C(=O)O"
RHODANINE = "O=C1NC(=S)SC1=Cc1ccccc1"  # in PAINS
ALDEHYDE = "CCCC=O"  # in BRENK
CONFIG = Path(__file__).parents[2] / "configs" / "oracle" / "druglike.yaml"


def test_values():
    np.testing.assert_array_equal(Alerts().values(parse([CLEAN, RHODANINE, ALDEHYDE])), [1, 0, 0])
    np.testing.assert_array_equal(Alerts(catalogs=("PAINS",)).values(parse([CLEAN, RHODANINE, ALDEHYDE])), [1, 0, 1])


def test_extra_patterns_are_alerts_too():
    oracle = Alerts(catalogs=(), extra_smarts=("C(=O)[OH]", "[N+](=O)[O-]"))
    np.testing.assert_array_equal(oracle.values(parse([CLEAN, "CC", "C[N+](=O)[O-]"])), [0, 1, 0])
    both = Alerts(catalogs=("BRENK",), extra_smarts=("C(=O)[OH]",))
    np.testing.assert_array_equal(both.values(parse([CLEAN, ALDEHYDE, "CCO"])), [0, 0, 1])


def test_what_was_found_is_named():
    assert Alerts().found(*parse([ALDEHYDE])) == ["aldehyde"]
    assert Alerts(extra_smarts=("CCC",)).found(*parse([ALDEHYDE])) == ["aldehyde", "CCC"]
    assert Alerts().found(*parse([CLEAN])) == []


def test_every_catalogue_of_rdkit_can_be_named():
    """And each says what rdkit says of it."""
    names = set(FilterCatalogParams.FilterCatalogs.names) - {"ALL"}
    assert set(_ORDER) == names
    molecules = parse([*MOLECULES, RHODANINE, ALDEHYDE])
    for name in names:
        parameters = FilterCatalogParams()
        parameters.AddCatalog(FilterCatalogParams.FilterCatalogs.names[name])
        reference = FilterCatalog(parameters)
        expected = [float(not reference.HasMatch(m.mol)) for m in molecules]
        np.testing.assert_array_equal(Alerts(catalogs=(name,)).values(molecules), expected, err_msg=name)


def test_contract():
    check_oracle(Alerts(), tolerance=0)


def test_it_can_be_sent_to_a_worker_process():
    sent = pickle.loads(pickle.dumps(Alerts(catalogs=("BRENK",), extra_smarts=("C(=O)[OH]",))))
    np.testing.assert_array_equal(sent.values(parse([CLEAN, ALDEHYDE, "CCO"])), [0, 0, 1])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"catalogs": ()}, "catalogs: name at least one"),
        ({"catalogs": ("PAIN",)}, "there is no PAIN; there is .*PAINS"),
        ({"extra_smarts": ("CC", "c1ccc")}, r"extra_smarts\[1\]: not a SMARTS: 'c1ccc'"),
    ],
)
def test_what_cannot_work_is_named(arguments, match):
    with pytest.raises(ConfigError, match=match):
        Alerts(**arguments)


def test_a_misspelt_catalogue_in_a_config_is_refused():
    node = {"_target_": "molgfn.oracles.alerts.Alerts", "catalogs": ["PAINS", "BRENCK"]}
    with pytest.raises(ConfigError, match=r"oracle.catalogs\[1\]: should be .*'BRENK'.* got 'BRENCK'"):
        build(node, Oracle, "oracle")


def test_druglike_is_qed_and_sa_behind_the_filter():
    oracle = build(yaml.safe_load(CONFIG.read_text()), Oracle, "oracle")
    molecules = parse([CLEAN, RHODANINE])
    values, components = oracle.measure(molecules)
    sa = (10 - SA().values(molecules)) / 9
    np.testing.assert_allclose(values, np.sqrt(QED().values(molecules) * sa) * [1, 0])
    np.testing.assert_array_equal(components["alerts"], [1, 0])
    assert values[0] > 0.7
    check_oracle(oracle)


def test_a_molecule_without_mol_is_refused():
    with pytest.raises(ValueError, match="not valid"):
        Alerts().values([Molecule.failed("no")])
