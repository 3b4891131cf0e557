import csv
import gzip

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.atoms.arrays import arrays_of, has_stereo, molecule_of
from molgfn.chemistry.atoms.rules import AtomRules, known_types
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.identity import flat_smiles

ALL = AtomRules.from_names(known_types())
PLAIN = AtomRules.from_names(["C", "N", "O", "S", "S6"])


def round_trip(smiles, rules=ALL):
    arrays = arrays_of(Molecule.from_smiles(smiles), rules)
    return arrays if isinstance(arrays, str) else molecule_of(*arrays, rules).smiles


@pytest.mark.parametrize(
    "smiles",
    [
        "C",
        "c1ccccc1",
        "c1cc[nH]c1",
        "c1ccc2[nH]ccc2c1",
        "O=c1cccc[nH]1",
        "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
        "C[N+](=O)[O-]",
        "CN=[N+]=[N-]",
        "[C-]#[N+]C",
        "[C-]#[O+]",
        "[NH3+]CC(=O)[O-]",
        "CS(=O)(=O)N",
        "CS(C)=O",
        "CS(=O)(=O)c1ccccc1",
        "O=s1cccc1",
        "CP(C)(=O)OC",
        "C[n+]1ccccc1",
        "[O-][n+]1ccccc1",
        "c1cc[o+]cc1",
        "c1ccc2cccc-2cc1",
        "C1=CC2=CC=CC2=C1",
        "C[Si](C)(C)C",
        "OB(O)c1ccccc1",
        "C[B-](C)(C)C",
        "FC(Cl)(Br)I",
        "CI(Cl)Cl",
        "C[S+](C)C",
        "c1ccc2c(c1)=c1ccccc1=2",
        "c1cc2ccc3cccc4ccc(c1)c2c34",
    ],
)
def test_round_trip(smiles):
    assert round_trip(smiles) == Molecule.from_smiles(smiles).smiles


def test_arrays_are_a_kekule_form():
    types, bonds = arrays_of(Molecule.from_smiles("Cc1ccccc1"), PLAIN)
    assert types.dtype == np.int64
    assert bonds.dtype == np.int8
    assert (bonds == bonds.T).all()
    assert sorted(bonds[np.triu_indices(7)].tolist())[-7:] == [1, 1, 1, 1, 2, 2, 2]
    assert types.tolist() == [0] * 7


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("not", "no molecule (not a SMILES: not)"),
        ("CCF", "element F"),
        ("[Fe]", "element Fe"),
        ("CCO.CC", "several components"),
        ("[13CH4]", "isotope"),
        ("[CH3]", "radical"),
        ("CS(C)=O", "type S4"),
        ("C[N+](=O)[O-]", "type N+"),
        ("[CH2+]C", "type C3+"),
        ("C[SH](=O)=O", "hydrogen on S6"),
        ("O=[SH2]", "type S4"),
        ("[H][H]", "element H"),
        ("C=P(C)(C)C", "element P"),
    ],
)
def test_reasons(smiles, reason):
    assert round_trip(smiles, PLAIN) == reason


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C=P(C)(C)C", "bond of order 2 between C and P5"),
        ("CN=P(C)(C)C", "bond of order 2 between N and P5"),
        ("CS#N", "bond of order 3 between N and S4"),
        ("C[PH](=O)OC", "hydrogen on P5"),
        ("[CH2]C", "radical"),
        ("[NH3]->[Zn]", "bond dative"),
        ("O=Cl(=O)(=O)O", "type Cl4+3"),
    ],
)
def test_reasons_with_all_types(smiles, reason):
    assert round_trip(smiles) == reason


def test_stereo_is_left_aside_and_can_be_asked_for():
    for smiles, flat in (("C[C@H](N)C(=O)O", "CC(N)C(=O)O"), ("F/C=C/F", "FC=CF")):
        molecule = Molecule.from_smiles(smiles)
        assert has_stereo(molecule.mol)
        assert round_trip(smiles) == Molecule.from_smiles(flat).smiles
        assert not has_stereo(Chem.MolFromSmiles(flat))


def test_arrays_that_are_no_molecule():
    bonds = np.zeros((2, 2), dtype=np.int8)
    assert molecule_of(np.zeros(0, dtype=np.int64), bonds[:0, :0], PLAIN).problem == "no atoms"
    assert molecule_of(np.array([0, 0]), bonds, PLAIN).problem == "several components"
    bonds[0, 1] = bonds[1, 0] = 3
    assert "O should have 2, and has bonds of order 3" in molecule_of(np.array([0, 2]), bonds, PLAIN).problem
    bonds[0, 1] = bonds[1, 0] = 1
    assert "S6 should have 6, and has bonds of order 1" in molecule_of(np.array([0, 4]), bonds, PLAIN).problem


def test_the_numbering_of_atoms_does_not_matter():
    rng = np.random.default_rng(0)
    types, bonds = arrays_of(Molecule.from_smiles("Cc1nc2ccccc2n1CC(=O)NC1CC1"), ALL)
    names = set()
    for _ in range(20):
        order = rng.permutation(len(types))
        names.add(molecule_of(types[order], bonds[np.ix_(order, order)], ALL).smiles)
    assert len(names) == 1


def returns(smiles):
    molecule = Molecule.from_smiles(smiles)
    arrays = arrays_of(molecule, ALL)
    assert not isinstance(arrays, str), (smiles, arrays)
    return molecule_of(*arrays, ALL).smiles == flat_smiles(molecule.mol)


def test_round_trip_of_drug_like_molecules(optional_data):
    with gzip.open(optional_data("zinc250k.smi.gz"), "rt") as file:
        lines = [line.split()[0] for line in file]
    chosen = np.random.default_rng(0).choice(len(lines), 1000, replace=False)
    assert all(returns(lines[i]) for i in chosen)


def test_round_trip_of_small_molecules(optional_data):
    with open(optional_data("qm9_smiles.csv")) as file:
        lines = [row["smiles"] for row in csv.DictReader(file)]
    chosen = np.random.default_rng(0).choice(len(lines), 2000, replace=False)
    assert all(returns(lines[i]) for i in chosen)
