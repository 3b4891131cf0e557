import sys
import warnings

import numpy as np
import pytest

from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError, DataError
from molgfn.oracles.models import admet
from molgfn.oracles.models.admet import ADMET, ENDPOINTS
from molgfn.testing import check_oracle

#: ADMETModel().predict of admet-ai 2.0.1: aspirin, ibuprofen, diazepam
SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "CC(C)Cc1ccc(cc1)C(C)C(=O)O", "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21"]
GOLDEN = {
    "hERG": [0.02078, 0.127166, 0.422952],
    "AMES": [0.080123, 0.009256, 0.059126],
    "BBB_Martins": [0.658192, 0.460911, 0.983514],
    "CYP3A4_Veith": [0.000467, 0.011033, 0.105952],
    "PPBR_AZ": [63.297432, 81.414963, 90.787292],
    "Solubility_AqSolDB": [-1.624299, -2.796921, -4.06302],
    "LD50_Zhu": [2.069063, 2.436121, 2.270825],
    "Half_Life_Obach": [-19.730007, -13.296336, 29.142939],
}


@pytest.fixture
def package(needs_extra):
    needs_extra("admet", "admet_ai")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_there_are_41_endpoints():
    assert len(set(ENDPOINTS)) == len(ENDPOINTS) == 41


@pytest.mark.parametrize(
    ("endpoint", "near"),
    [("herg", "`hERG`"), ("solubility", "`Solubility_AqSolDB`"), ("CYP3A4", "`CYP3A4_Veith`"), ("xyzzy", "AMES, BBB")],
)
def test_an_unknown_endpoint_is_answered_with_near_ones(endpoint, near):
    with pytest.raises(ConfigError, match=near):
        ADMET(endpoint=endpoint)


@pytest.mark.parametrize("missing", ["admet_ai", "chemprop"])
def test_a_missing_package_names_the_extra(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match=r"pip install -c constraints.txt '\.\[admet\]'"):
        ADMET()


def test_contract(package):
    check_oracle(ADMET(), tolerance=1e-5)
    check_oracle(ADMET(endpoint="PPBR_AZ"), tolerance=1e-5)


def test_what_is_declared_follows_the_endpoint(package):
    probability, quantity = ADMET(endpoint="BBB_Martins", direction="maximise"), ADMET(endpoint="Solubility_AqSolDB")
    assert (probability.range, probability.direction, probability.units) == ((0.0, 1.0), "maximise", "1")
    assert (quantity.direction, quantity.units) == ("minimise", "log10(mol/L)")


@pytest.mark.parametrize("endpoint", GOLDEN)
def test_golden_values(package, endpoint):
    np.testing.assert_allclose(ADMET(endpoint=endpoint).values(parse(SMILES)), GOLDEN[endpoint], rtol=1e-4, atol=1e-5)


def test_endpoints_share_the_networks_and_the_last_batch(package, monkeypatch):
    one, other = ADMET(endpoint="hERG"), ADMET(endpoint="AMES")
    assert one._ensemble is other._ensemble
    batches = []
    forward = one._ensemble._forward
    monkeypatch.setattr(one._ensemble, "_forward", lambda mols: batches.append(len(mols)) or forward(mols))
    molecules = parse(["CCO", "CCN", "CCC"])
    values = one.values(molecules)
    assert not np.allclose(values, other.values(molecules))
    assert batches == [3]
    values[:] = -1  # what a caller does with an answer is its own affair
    assert np.all(one.values(molecules) >= 0)
    monkeypatch.setattr(admet, "CHUNK", 2)
    one.values(parse(["CCO", "CCN", "CCF"]))
    assert batches == [3, 2, 1]


def test_a_model_file_with_something_else_in_it_is_not_run(package, tmp_path):
    import io

    import torch

    class Bad:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    buffer = io.BytesIO()
    torch.save({"output_columns": ["hERG"], "state_dict": Bad()}, buffer)
    with pytest.raises(DataError, match=r"model_0\.pt: not a model of admet-ai 2\.0, or a changed one; it was not run"):
        admet._plain(tmp_path / "model_0.pt", buffer.getvalue())
    assert not (tmp_path / "ran").exists()
