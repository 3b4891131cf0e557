import functools
import pickle

import numpy as np
import pytest
from tests.reference_values import crc32, reference

from molgfn.chemistry.fingerprints import fingerprints
from molgfn.chemistry.models.feature_counts import feature_counts
from molgfn.chemistry.models.pmo_classifiers import DRD2 as DRD2_MODEL
from molgfn.chemistry.models.pmo_classifiers import JNK3 as FOREST_MODEL
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.errors import DataError
from molgfn.oracles.models.drd2 import DRD2
from molgfn.oracles.models.kinases import GSK3B, JNK3
from molgfn.testing import check_oracle

FILES = {JNK3: "jnk3_forest.npz", GSK3B: "gsk3b_forest.npz", DRD2: "drd2_svm.npz"}
CHIR_99021 = "Cc1c[nH]c(-c2cnc(NCCNc3ccc(C#N)cn3)nc2-c2ccc(Cl)cc2Cl)n1"
SP600125 = "O=C1c2ccccc2-c2n[nH]c3cccc1c23"
RISPERIDONE = "CC1=C(CCN2CCC(CC2)c2noc3cc(F)ccc23)C(=O)N2CCCCC2=N1"
HALOPERIDOL = "OC1(CCN(CCCC(=O)c2ccc(F)cc2)CC1)c1ccc(Cl)cc1"


@pytest.fixture(scope="module")
def published(optional_data):
    return functools.cache(lambda oracle: oracle(weights=str(optional_data(FILES[oracle]))))


@pytest.fixture
def small(tmp_path):
    """Hand-made weights: a forest that asks for a bit of benzene, and two support vectors."""
    bit = int(fingerprints([parse(["c1ccccc1"])[0].mol])[0].nonzero()[0][0])
    forest, vectors = tmp_path / "forest.npz", tmp_path / "svm.npz"
    np.savez(
        forest,
        feature=np.array([bit, -1, -1, -1], dtype=np.int16),
        left=np.array([1, 0, 0, 0]),
        right=np.array([2, 0, 0, 0]),
        value=np.array([0.5, 0.125, 1.0, 0.25]),
        roots=np.array([0, 3]),
    )
    sv = np.zeros((2, 2048), dtype=np.uint8)
    sv[0, 0], sv[1, 0] = 1, 5
    scalars = {name: np.array(value) for name, value in {"b": 0.1, "A": -2.0, "B": 0.3, "ga": 0.05}.items()}
    np.savez(vectors, sv=sv, dc=np.array([1.0, -1.5]), **scalars)
    assert set(np.load(forest)) == set(FOREST_MODEL.names)
    assert set(np.load(vectors)) == set(DRD2_MODEL.names)
    return {JNK3: forest, GSK3B: forest, DRD2: vectors}


@pytest.mark.parametrize("oracle", FILES)
def test_contract(oracle, small):
    check_oracle(oracle(weights=str(small[oracle])), tolerance=0)


@pytest.mark.parametrize("oracle", FILES)
def test_published_contract(oracle, published):
    check_oracle(published(oracle), tolerance=0)


@pytest.mark.parametrize("oracle", [JNK3, GSK3B])
def test_a_forest_of_one_question(oracle, small):
    values = oracle(weights=str(small[oracle])).values(parse(["c1ccccc1", "C"]))
    assert values.tolist() == [(1 + 0.25) / 2, (0.125 + 0.25) / 2]


def test_published_golden_values(published):
    # mean of the leaves of 100 trees, nearly pure ones
    assert published(GSK3B).values(parse([CHIR_99021]))[0] == pytest.approx(0.81, abs=1e-6)
    assert published(JNK3).values(parse([SP600125]))[0] == pytest.approx(0.67, abs=1e-6)
    # predict_proba of the published SVC in scikit-learn 1.9.1
    values = published(DRD2).values(parse([RISPERIDONE, HALOPERIDOL, "C", "[Na+].[Cl-]", "C" * 60]))
    expected = [0.982624269, 0.999999375, 0.00758484864, 0.00671255329, 0.0288583768]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("oracle", FILES)
def test_published_values_of_two_hundred_molecules(oracle, published):
    table = reference("pmo_classifiers")
    values = published(oracle).values(parse(table.smiles))
    assert np.ptp(values) > 0.4
    np.testing.assert_allclose(values, table[oracle.name], rtol=0, atol=1e-6)


def test_what_the_classifiers_read_of_two_hundred_molecules():
    table = reference("pmo_classifiers")
    mols = [molecule.mol for molecule in parse(table.smiles)]
    assert len(mols) > 200
    assert [crc32(np.packbits(row)) for row in fingerprints(mols)] == table.bits_crc32.tolist()
    assert [crc32(row) for row in feature_counts(mols).toarray()] == table.counts_crc32.tolist()


@pytest.mark.parametrize("oracle", FILES)
def test_it_survives_the_way_to_a_worker_process(oracle, small):
    original = oracle(weights=str(small[oracle]))
    copy = pickle.loads(pickle.dumps(original))
    molecules = parse(["c1ccccc1", "CCO"])
    np.testing.assert_array_equal(copy.values(molecules), original.values(molecules))


@pytest.mark.parametrize("oracle", FILES)
def test_what_cannot_be_read_stops_at_once(oracle, tmp_path, small):
    with pytest.raises(DataError, match=r"no\.npz: should be an npz file .*no such file"):
        oracle(weights=str(tmp_path / "no.npz"))
    other = small[JNK3 if oracle is DRD2 else DRD2]
    with pytest.raises(DataError, match="should be an npz file with the arrays"):
        oracle(weights=str(other))


@pytest.mark.parametrize("oracle", FILES)
def test_a_molecule_without_mol_is_refused(oracle, small):
    with pytest.raises(ValueError, match=r"not valid|only valid"):
        oracle(weights=str(small[oracle])).values([Molecule.failed("no")])
    assert oracle(weights=str(small[oracle])).values([]).dtype == np.float64
