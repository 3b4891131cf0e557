import sys
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from tests.reference_values import reference

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.errors import ConfigError, DataError
from molgfn.oracles.structure.purchasable import Purchasable
from molgfn.testing import check_oracle


@pytest.fixture
def molbloom(needs_extra):
    return needs_extra("purchasable", "molbloom")


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "molbloom", None)
    with pytest.raises(ConfigError, match=r"pip install -c constraints.txt '\.\[purchasable\]'"):
        Purchasable()


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"path: .*there is no such file"):
        Purchasable(path=str(tmp_path / "none.bloom"))


def test_contract(molbloom):
    check_oracle(Purchasable(), tolerance=0)


def test_known_molecules(molbloom):
    # common reagents, and one that nobody sells
    smiles = ["CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "FC1C2C3C1C1C2C31CCCCCCCCCCCCCCCCCCCCC(Br)(I)F"]
    np.testing.assert_array_equal(Purchasable().values(parse(smiles)), [1, 1, 1, 0])


def test_equals_molbloom_whatever_the_numbering_and_the_hydrogens(molbloom):
    molecules = [m for name in ("guacamol", "pmo_classifiers") for m in parse(reference(name).smiles) if m.valid]
    ours = Purchasable().values(molecules)
    theirs = [molbloom.buy(m.smiles, catalog="zinc-instock-mini") for m in molecules]
    np.testing.assert_array_equal(ours, theirs)
    assert 0.05 < ours.mean() < 0.9
    order = np.random.default_rng(0)
    turned = [
        Molecule.from_mol(Chem.RenumberAtoms(m.mol, order.permutation(m.mol.GetNumAtoms()).tolist())) for m in molecules
    ]
    np.testing.assert_array_equal(ours, Purchasable().values(turned))
    with_hydrogens = [Molecule.from_mol(Chem.AddHs(m.mol)) for m in molecules]
    np.testing.assert_array_equal(ours, Purchasable().values(with_hydrogens))


def test_a_filter_of_ones_own(molbloom, tmp_path):
    path = str(tmp_path / "mine.bloom")
    mine = molbloom.CustomFilter(10_000, 10, "mine")
    mine.add(molbloom.canon("Cc1ccccc1"))
    mine.save(path)
    oracle = Purchasable(path=path)
    np.testing.assert_array_equal(oracle.values(parse(["c1ccccc1C", "CCO"])), [1, 0])
    assert oracle.files == (Path(path),)
    assert Purchasable().files == ()


def test_a_file_that_is_no_filter(molbloom, tmp_path):
    path = tmp_path / "wrong.bloom"
    path.write_text("CCO\n")
    with pytest.raises(DataError, match="no filter"):
        Purchasable(path=str(path))


def test_a_molecule_without_mol_is_refused(molbloom):
    with pytest.raises(ValueError, match="only valid molecules"):
        Purchasable().values([Molecule.failed("no")])
