import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml
from rdkit.Chem.rdfiltercatalog import FilterCatalog, FilterCatalogParams

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.config import build
from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.sa import SA
from molgfn.oracles.structure.alerts import _ORDER, Alerts
from molgfn.rewards.readings import Readings
from molgfn.rewards.scalarisation import Scalarisation
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
    assert set(_ORDER) == {*names, "NIBR"}  # which is in rdkit as a table
    molecules = parse([*MOLECULES, RHODANINE, ALDEHYDE])
    for name in names:
        parameters = FilterCatalogParams()
        parameters.AddCatalog(FilterCatalogParams.FilterCatalogs.names[name])
        reference = FilterCatalog(parameters)
        expected = [float(not reference.HasMatch(m.mol)) for m in molecules]
        np.testing.assert_array_equal(Alerts(catalogs=(name,)).values(molecules), expected, err_msg=name)


#: BRENK alone has something against each of them
KINASE_INHIBITORS = {
    "gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",
    "erlotinib": "COCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC",
    "osimertinib": "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc1nccc(n1)c1cn(C)c2ccccc12",
    "afatinib": "CN(C)C/C=C/C(=O)Nc1cc2c(Nc3ccc(F)c(Cl)c3)ncnc2cc1O[C@H]1CCOC1",
}


def test_drugs_with_alerts_are_told_which():
    molecules = parse([*KINASE_INHIBITORS.values(), CLEAN])
    chain, michael = "Aliphatic_long_chain", "Michael_acceptor_1"
    expected = [chain, f"{chain}; triple_bond", michael, michael, ""]
    assert Alerts().remark_names == ("alerts_found",)
    assert Alerts().remarks(molecules) == {"alerts_found": expected}
    assert Alerts().remarks([]) == {"alerts_found": []}
    np.testing.assert_array_equal(Alerts().values(molecules), [0, 0, 0, 0, 1])


def test_alerts_that_are_excluded_do_not_count():
    molecules = parse(KINASE_INHIBITORS.values())
    np.testing.assert_array_equal(Alerts(exclude=("Aliphatic_long_chain",)).values(molecules), [1, 0, 0, 0])
    oracle = Alerts(exclude=("Aliphatic_long_chain", "triple_bond", "Michael_acceptor_1"))
    np.testing.assert_array_equal(oracle.values(molecules), [1, 1, 1, 1])
    # of one name in several catalogues all go; other alerts stay
    both = Alerts(catalogs=("BRENK", "CHEMBL_SureChEMBL"), exclude=("triple_bond",))
    assert both.found(molecules[1]) == ["Aliphatic_long_chain"]
    np.testing.assert_array_equal(oracle.values(parse([RHODANINE, ALDEHYDE])), [0, 0])


def test_severities_of_nibr():
    # a chloroformate is excluded from the deck, a Michael acceptor only annotated
    molecules = parse(["CCOC(=O)Cl", KINASE_INHIBITORS["osimertinib"], CLEAN])
    by = {n: Alerts(catalogs=("NIBR",), severity=n) for n in (None, 0, 1, 2)}
    np.testing.assert_array_equal(by[0].values(molecules), [0, 0, 1])
    np.testing.assert_array_equal(by[2].values(molecules), [0, 1, 1])
    assert by[0].found(molecules[1]) == ["michael_acceptor_CH2_terminal"]
    wide = parse(MOLECULES)
    values = {n: oracle.values(wide) for n, oracle in by.items()}
    np.testing.assert_array_equal(values[None], values[1])
    assert (values[0] <= values[1]).all()
    assert (values[1] <= values[2]).all()


def test_nibr_is_what_the_script_of_its_authors_makes_of_it():
    from rdkit.Contrib.NIBRSubstructureFilters.assignSubstructureFilters import buildFilterCatalog

    reference = buildFilterCatalog()
    oracle = Alerts(catalogs=("NIBR",), severity=0)
    for molecule in parse(
        [*MOLECULES, *KINASE_INHIBITORS.values(), RHODANINE, "CCOC(=O)Cl", "FC(F)(F)C(F)(F)C(F)(F)F"]
    ):
        names = [entry.GetDescription().rsplit("_min(", 1)[0] for entry in reference.GetMatches(molecule.mol)]
        assert oracle.found(molecule) == list(dict.fromkeys(names)), molecule.smiles


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
        ({"exclude": ("tripel_bond",)}, "is called `tripel_bond`; did you mean `triple_bond`"),
        ({"exclude": ("aldehyde",), "catalogs": ("PAINS",)}, "called `aldehyde`"),
        ({"severity": 2}, "severity: only NIBR has"),
    ],
)
def test_what_cannot_work_is_named(arguments, match):
    with pytest.raises(ConfigError, match=match):
        Alerts(**arguments)


def test_a_misspelt_catalogue_in_a_config_is_refused():
    node = {"_target_": "molgfn.oracles.structure.alerts.Alerts", "catalogs": ["PAINS", "BRENCK"]}
    with pytest.raises(ConfigError, match=r"oracle.catalogs\[1\]: should be .*'BRENK'.* got 'BRENCK'"):
        build(node, Oracle, "oracle")


def test_druglike_is_qed_and_sa_behind_the_filter():
    mean = build(yaml.safe_load(CONFIG.read_text()), Scalarisation, "oracle")
    molecules = parse([CLEAN, RHODANINE])
    _, reading = Readings(oracle=mean)(molecules, [molecule.smiles for molecule in molecules])
    values, components = reading.value, reading.components
    sa = (10 - SA().values(molecules)) / 9
    np.testing.assert_allclose(values, np.sqrt(QED().values(molecules) * sa) * [1, 0])
    np.testing.assert_array_equal(components["alerts"], [1, 0])
    assert values[0] > 0.7
    for oracle in mean.panel().oracles:
        check_oracle(oracle)


def test_a_molecule_without_mol_is_refused():
    with pytest.raises(ValueError, match="not valid"):
        Alerts().values([Molecule.failed("no")])
