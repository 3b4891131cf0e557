import pytest
from rdkit import Chem

from molgfn.chemistry.molecules import Molecule, parse


def test_smiles_are_canonical():
    molecules = parse(["OCC", "C(O)C", " CCO \n"])
    assert {m.smiles for m in molecules} == {"CCO"}
    assert all(m.valid and m.mol is not None for m in molecules)


@pytest.mark.parametrize(
    ("text", "problem"), [("", "empty"), ("  ", "empty"), ("XX", "not a SMILES: XX"), ("C1CC", "not a SMILES: C1CC")]
)
def test_bad_smiles_have_a_named_problem(text, problem):
    molecule = Molecule.from_smiles(text)
    assert not molecule.valid
    assert problem in molecule.problem
    assert (molecule.mol, molecule.smiles) == (None, "")


@pytest.mark.parametrize(("smiles", "step"), [("CC(C)(C)(C)C", "valence"), ("c1cccc1C", "aromaticity")])
def test_sanitisation_failures_name_the_step(smiles, step):
    assert Molecule.from_mol(Chem.MolFromSmiles(smiles, sanitize=False)).problem == step
    assert Molecule.from_smiles(smiles).problem == f"{step}: {smiles}"
