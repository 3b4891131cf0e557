"""Counts and shares against molecules whose numbers can be counted by eye."""

import csv
from pathlib import Path

import numpy as np
import pytest
import rdkit
import yaml
from rdkit import Chem
from rdkit.Chem import Lipinski

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.class_paths import import_class
from molgfn.oracles.properties import descriptors
from molgfn.oracles.properties.descriptors import Descriptor, Stereocentres
from molgfn.testing import check_oracle

ORACLES = Descriptor.__subclasses__()
CONFIGS = Path(__file__).parents[2] / "configs" / "oracle"
NAMES = (
    "hbd", "hba", "rotatable_bonds", "rings", "aromatic_rings", "largest_ring", "fsp3", "formal_charge",
    "stereocentres", "heavy_atoms",
)  # fmt: skip
#: aspirin; caffeine; glycine as a zwitterion and its anion; menthol; cyclododecanol; a spiro ring; a lone ion
GOLDEN = {
    "CC(=O)Oc1ccccc1C(=O)O": (1, 3, 2, 1, 1, 6, 1 / 9, 0, 0, 13),
    "Cn1c(=O)c2c(ncn2C)n(C)c1=O": (0, 3, 0, 2, 2, 6, 3 / 8, 0, 0, 14),
    "[NH3+]CC(=O)[O-]": (1, 2, 1, 0, 0, 0, 1 / 2, 0, 0, 5),
    "NCC(=O)[O-]": (1, 3, 1, 0, 0, 0, 1 / 2, -1, 0, 5),
    "CC1CCC(C(C)C)C(O)C1": (1, 1, 1, 1, 0, 6, 1.0, 0, 3, 11),
    "OC1CCCCCCCCCCC1": (1, 1, 0, 1, 0, 12, 1.0, 0, 0, 13),
    "C1CC12CCNC2": (1, 1, 0, 2, 0, 5, 1.0, 0, 0, 7),
    "[Na+]": (0, 0, 0, 0, 0, 0, 0.0, 1, 0, 1),
}


def test_there_is_a_config_of_each_name():
    assert tuple(oracle.name for oracle in ORACLES) == NAMES
    for oracle in ORACLES:
        node = yaml.safe_load((CONFIGS / f"{oracle.name}.yaml").read_text())
        assert import_class(node["_target_"]) is oracle


@pytest.mark.parametrize("oracle", ORACLES)
def test_contract(oracle):
    check_oracle(oracle(), tolerance=0)


@pytest.mark.parametrize(("place", "oracle"), list(enumerate(ORACLES)))
def test_golden_values(place, oracle):
    np.testing.assert_allclose(oracle().values(parse(GOLDEN)), [row[place] for row in GOLDEN.values()], rtol=1e-12)


@pytest.mark.parametrize("oracle", ORACLES)
def test_explicit_hydrogens_change_nothing(oracle):
    molecules = parse(GOLDEN)
    explicit = [Molecule(mol := Chem.AddHs(m.mol), Chem.MolToSmiles(mol)) for m in molecules]
    np.testing.assert_array_equal(oracle().values(explicit), oracle().values(molecules))


def test_as_rdkit_has_them_over_many_molecules():
    path = Path(rdkit.__file__).parent / "Data" / "Pains" / "test_data" / "wehi_mols.csv"
    if not path.exists():
        pytest.skip("this rdkit does not carry the WEHI molecules")
    with path.open() as file:
        molecules = parse([row[0] for row in csv.reader(file)][::50])
    for name, function in {
        "hbd": Lipinski.NumHDonors,
        "rotatable_bonds": Lipinski.NumRotatableBonds,
        "rings": Lipinski.RingCount,
        "aromatic_rings": Lipinski.NumAromaticRings,
        "fsp3": Lipinski.FractionCSP3,
        "heavy_atoms": Lipinski.HeavyAtomCount,
        "formal_charge": lambda mol: sum(atom.GetFormalCharge() for atom in mol.GetAtoms()),
        "largest_ring": lambda mol: max(map(len, Chem.GetSSSR(mol)), default=0),
    }.items():
        oracle = next(o for o in ORACLES if o.name == name)
        np.testing.assert_allclose(oracle().values(molecules), [function(m.mol) for m in molecules], err_msg=name)


def test_stereocentres_count_with_and_without_marks():
    pairs = [("C[C@H](N)C(=O)O", "CC(N)C(=O)O"), ("O[C@H]1CC[C@@H](O)CC1", "OC1CCC(O)CC1"), ("F/C=C/F", "FC=CF")]
    marked, flat = (Stereocentres().values(parse(side)) for side in zip(*pairs, strict=True))
    np.testing.assert_array_equal(marked, flat)
    np.testing.assert_array_equal(flat, [1, 2, 0])


def test_a_molecule_without_mol_is_refused():
    for oracle in (descriptors.HBD(), descriptors.LargestRing()):
        with pytest.raises(ValueError, match="not valid"):
            oracle.values([Molecule.failed("no")])
