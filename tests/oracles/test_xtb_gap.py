import os
import sys

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.conformers import ConformerError
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.errors import ConfigError
from molgfn.oracles.physics import xtb_gap
from molgfn.oracles.physics.xtb_gap import XTBGap
from molgfn.testing import check_oracle


@pytest.fixture
def tblite(needs_extra):
    return needs_extra("xtb", "tblite.interface")


def test_a_missing_package_names_the_extra_and_leaves_the_environment(monkeypatch):
    monkeypatch.setitem(sys.modules, "tblite.interface", None)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with pytest.raises(ConfigError, match=r"pip install -c constraints.txt '\.\[xtb\]'"):
        XTBGap()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    monkeypatch.delenv("OMP_NUM_THREADS")
    with pytest.raises(ConfigError, match="tblite"):
        XTBGap()
    assert "OMP_NUM_THREADS" not in os.environ


def test_contract(tblite):
    smiles = ["C", "O", "CCO", "C[N+](C)(C)CC([O-])=O", "[Na+].[Cl-]", "c1ccccc1", "C[C@H](N)C(=O)O", "[CH3]", "C[Zn]C"]
    check_oracle(XTBGap(), parse(smiles), tolerance=1e-9)


def test_gaps_fall_with_conjugation(tblite):
    values = XTBGap().values(parse(["CC", "C=C", "C=CC=C", "C=CC=CC=CC=C"]))
    assert np.all(np.diff(values) < 0)
    # rigid molecules, whose geometry leaves no choice; tblite 0.8.0
    np.testing.assert_allclose(XTBGap().values(parse(["C", "O", "c1ccccc1"])), [16.851, 14.160, 4.826], atol=0.005)


def test_the_gap_is_that_of_tblite_at_the_same_geometry(tblite):
    molecule = parse(["C[NH3+]"])[0]
    mol = xtb_gap.conformer(molecule, seed=3)
    positions = mol.GetConformer().GetPositions() * 1.8897261246  # bohr
    numbers = np.array([a.GetAtomicNum() for a in mol.GetAtoms()])
    calculator = tblite.Calculator("GFN2-xTB", numbers, positions, charge=1.0)
    calculator.set("verbosity", 0)
    levels = calculator.singlepoint().get("orbital-energies")
    # 14 valence electrons: C 4, N 5, H 6, less one
    assert XTBGap(seed=3).values([molecule])[0] == pytest.approx((levels[7] - levels[6]) * 27.2114, abs=1e-4)


def test_the_numbering_does_not_matter_and_the_seed_does(tblite):
    molecule = parse(["OCCCCN"])[0]
    turned = Molecule.from_mol(Chem.RenumberAtoms(molecule.mol, [5, 3, 1, 0, 2, 4]))
    one, other = XTBGap().values([molecule, turned])
    assert one == other
    assert XTBGap(seed=1).values([molecule])[0] != one


def test_the_direction_is_a_parameter(tblite):
    assert XTBGap().direction == "maximise"
    assert XTBGap(direction="minimise").direction == "minimise"


@pytest.mark.parametrize(
    ("smiles", "error", "says"),
    [
        ("[CH3]", ValueError, "unpaired electrons"),
        ("[O][O]", ValueError, "unpaired electrons"),
        ("[H+]", ValueError, "0 of 1 orbitals"),
        ("[Na+].[Cl-]", ConformerError, "2 pieces"),
    ],
)
def test_what_has_no_gap_says_why(tblite, smiles, error, says):
    with pytest.raises(error, match=says):
        XTBGap().values(parse([smiles]))
