import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from tests.networks.test_seh_proxy import frozen_arrays
from tests.reference_values import reference

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.errors import DataError
from molgfn.networks.seh_proxy import LENGTH, SHAPES
from molgfn.oracles.models import seh_proxy
from molgfn.oracles.models.seh_proxy import SEHProxy
from molgfn.testing import check_oracle

#: an attachment point is open: not a molecule that a reader would let in
OPEN = Molecule(Chem.MolFromSmiles("*C"), "*C")
SMILES = ["c1ccccc1", "CC", "CC(=O)Oc1ccccc1C(=O)O", "CCCn1c(=NC(=O)c2ccc(-n3cncn3)nc2)[nH]c2ccccc21"]
#: of the published implementation
GOLDEN = [0.92876, 0.03045, 2.48992, 4.3920]


@pytest.fixture(scope="module")
def published(optional_data) -> SEHProxy:
    return SEHProxy(weights=str(optional_data("seh_proxy_weights.pkl.gz")))


@pytest.fixture
def small(tmp_path) -> Path:
    """A file like the published one, with random weights."""
    rng = np.random.default_rng(0)
    arrays = [
        (0.1 * rng.normal(size=SHAPES[i][1])).astype(np.float32) if i in SHAPES else np.zeros(3) for i in range(LENGTH)
    ]
    path = tmp_path / "weights.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps(arrays, protocol=3)))
    return path


def test_contract(small):
    check_oracle(SEHProxy(weights=str(small)), tolerance=1e-5)


def test_published_contract(published):
    check_oracle(published, tolerance=1e-5)


def test_published_golden_values(published):
    np.testing.assert_allclose(published.values(parse(SMILES)), GOLDEN, rtol=0, atol=1e-4)


def test_equals_the_reference_on_all_its_molecules(published):
    table = reference("seh_proxy")
    assert len(table) == 300
    np.testing.assert_allclose(published.values(parse(table.smiles)), table.seh_proxy, rtol=0, atol=1e-4)


def test_equals_torch_geometric_with_random_weights_on_all_of_them(tmp_path):
    path = tmp_path / "random.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps(frozen_arrays(), protocol=3)))
    table = reference("seh_proxy")
    assert np.ptp(table.random_weights) > 0.5, "or this shows nothing"
    values = SEHProxy(weights=str(path)).values(parse(table.smiles))
    np.testing.assert_allclose(values, table.random_weights, rtol=0, atol=1e-5)


def test_chunks_do_not_show(small, monkeypatch):
    oracle = SEHProxy(weights=str(small))
    molecules = [*parse(SMILES), OPEN, *parse(["C"])] * 3
    whole = oracle.values(molecules)
    for chunk in (1, 7, 20):
        monkeypatch.setattr(seh_proxy, "CHUNK", chunk)
        np.testing.assert_allclose(oracle.values(molecules), whole, rtol=0, atol=1e-5)
    assert np.isnan(whole[4::6]).all()
    assert np.isfinite(np.delete(whole, [4, 10, 16])).all()


def test_no_value_where_the_features_are_not_defined(small):
    oracle = SEHProxy(weights=str(small))
    assert np.isnan(oracle.values([OPEN, *parse(["[NH3]->[Fe]", "C[Hg]C"])])).all()
    with pytest.raises(ValueError, match="only valid molecules"):
        oracle.values([Molecule.failed("no")])


def test_it_survives_the_way_to_a_worker_process(small):
    oracle = SEHProxy(weights=str(small))
    copy = pickle.loads(pickle.dumps(oracle))
    np.testing.assert_array_equal(copy.values(parse(SMILES)), oracle.values(parse(SMILES)))


def test_a_file_that_is_not_there_or_no_such_weights_stops_at_once(tmp_path):
    with pytest.raises(DataError, match="no such file; it should be weights of the sEH proxy"):
        SEHProxy(weights=str(tmp_path / "no.pkl.gz"))
    path = tmp_path / "weights.pkl.gz"
    path.write_bytes(b"text")
    with pytest.raises(DataError, match=r"weights\.pkl\.gz: should be weights of the sEH proxy, a gzip file"):
        SEHProxy(weights=str(path))
    path.write_bytes(gzip.compress(pickle.dumps(print)))
    with pytest.raises(DataError, match=r"asks for builtins\.print, and only numpy arrays"):
        SEHProxy(weights=str(path))
    path.write_bytes(gzip.compress(pickle.dumps([np.zeros(2)], protocol=4)))
    with pytest.raises(DataError, match=r"weights\.pkl\.gz: should hold 22 arrays of the sEH proxy, holds 1"):
        SEHProxy(weights=str(path))
