import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from molgfn.chemistry.conformers import ConformerError, conformer, molecule_seed
from molgfn.chemistry.molecules import Molecule

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


def positions(molecule: Molecule, seed: int = 0) -> np.ndarray:
    return conformer(molecule, seed=seed).GetConformer().GetPositions()


def test_the_seed_depends_on_the_molecule_and_on_the_seed_only():
    assert molecule_seed("CCO", 1) == molecule_seed("CCO", 1)
    seeds = {molecule_seed("C" * n, seed) for n in range(1, 100) for seed in range(10)}
    assert len(seeds) == 990
    assert min(seeds) >= 0
    assert max(seeds) < 2**31
    # "1 1C" and "11 C" would collide without a separator
    assert molecule_seed("1C", 1) != molecule_seed("C", 11)


def test_a_conformer_is_the_same_whatever_the_numbering_of_the_atoms():
    written = Molecule.from_smiles(ASPIRIN)
    turned = Molecule.from_mol(Chem.RenumberAtoms(written.mol, list(range(written.mol.GetNumAtoms()))[::-1]))
    assert turned.smiles == written.smiles
    np.testing.assert_array_equal(positions(written), positions(turned))
    positions(Molecule.from_smiles("CCO"))
    np.testing.assert_array_equal(positions(written), positions(turned))
    assert not np.allclose(positions(written), positions(written, seed=1))


def test_hydrogens_are_there_and_the_force_field_is_at_rest():
    mol = conformer(Molecule.from_smiles(ASPIRIN))
    assert mol.GetNumAtoms() == 21
    force_field = AllChem.MMFFGetMoleculeForceField(mol, AllChem.MMFFGetMoleculeProperties(mol))
    assert np.abs(force_field.CalcGrad()).max() < 0.1  # kcal/mol/A
    carbons = mol.GetConformer().GetPositions()[[a.GetIdx() for a in mol.GetAtoms() if a.GetIsAromatic()]]
    ring = np.linalg.norm(carbons[:, None] - carbons[None], axis=-1)
    assert np.sort(ring[ring > 0])[:12] == pytest.approx(1.40, abs=0.02)


def test_charge_and_stereo_are_kept():
    for smiles in ("C[N+](C)(C)CC(=O)[O-]", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "C/C=C/C", "C/C=C\\C"):
        mol = conformer(Molecule.from_smiles(smiles))
        Chem.AssignStereochemistryFrom3D(mol)
        assert Chem.CanonSmiles(Chem.MolToSmiles(Chem.RemoveHs(mol))) == Chem.CanonSmiles(smiles)


def test_long_chains_need_random_coordinates_and_get_them():
    assert positions(Molecule.from_smiles("C" * 45)).shape == (137, 3)


@pytest.mark.parametrize(
    ("smiles", "says"),
    [
        ("[Na+].[Cl-]", "2 pieces"),
        ("C[Zn]C", "neither MMFF94 nor UFF"),
    ],
)
def test_what_has_no_conformer_says_why(smiles, says):
    with pytest.raises(ConformerError, match=says):
        conformer(Molecule.from_smiles(smiles))


def test_an_invalid_molecule_says_so():
    with pytest.raises(ConformerError, match="no bonds"):
        conformer(Molecule.failed("no bonds"))
