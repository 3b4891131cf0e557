"""MOL blocks with bonds of type 4: without hydrogens they are read as what they are, or refused, never changed."""

import os
import random

import pytest
from rdkit import Chem, RDConfig
from rdkit.Chem import rdDepictor

from molgfn.chemistry.molecules import Molecule

NCI = os.path.join(RDConfig.RDDataDir, "NCI", "first_5K.smi")
REASON = "aromatic bonds without hydrogens"


def aromatic(smiles, version=Chem.MolToMolBlock, hydrogens=()):
    """The block of a molecule with bonds of type 4, and hydrogens on some atoms only."""
    mol = Chem.MolFromSmiles(smiles)
    if hydrogens:
        mol = Chem.AddHs(mol, onlyOnAtoms=list(hydrogens))
    rdDepictor.Compute2DCoords(mol)
    return version(mol, kekulize=False)


@pytest.mark.parametrize("version", [Chem.MolToMolBlock, Chem.MolToV3KMolBlock])
def test_no_molecule_becomes_another_one(version):
    with open(NCI) as lines:
        smiles = [Molecule.from_smiles(line).smiles for line in list(lines)[::7]]
    smiles = [text for text in smiles if "c" in text]
    assert len(smiles) > 350
    read = {text: Molecule.from_mol_block(aromatic(text, version)) for text in smiles}
    assert {text: m.smiles for text, m in read.items() if m.valid and m.smiles != text} == {}
    refused = {text: m.problem.partition(":")[0] for text, m in read.items() if not m.valid}
    assert set(refused.values()) <= {REASON, "aromaticity"}
    assert len(refused) < len(smiles) / 20
    assert all("n" in text for text in refused)


@pytest.mark.parametrize(
    "smiles",
    [
        "c1ccccc1",
        "c1ccncc1",
        "c1cc[nH+]cc1",
        "c1cc[n-]c1",
        "c1cc[nH]c1",
        "c1c[nH]cn1",
        "c1ccc2[nH]ccc2c1",
        "O=c1cccc[nH]1",
        "Nc1c[nH]c(=O)[nH]1",
        "Cc1[nH]c(=O)[nH]c(=O)c1C",
        "c1cc[pH]c1",
        "c1cc2cc3ccc(cc4nc(cc5ccc(cc1n2)[nH]5)C=C4)[nH]3",  # a porphyrin: two of four have hydrogens
        "C[C@H](O)c1ccc(/C=C/c2ccc[nH]2)cc1",
        "c1ccc(-c2cc[nH]c2-c2cc3ccccc3[nH]2)cc1",
        "Cn1cnc2c(=O)n(C)c(=O)n(C)c21",
    ],
)
def test_where_one_molecule_fits_it_is_read(smiles):
    key = Molecule.from_smiles(smiles).smiles
    molecule = Molecule.from_mol_block(aromatic(smiles))
    assert (molecule.smiles, molecule.problem) == (key, None)


@pytest.mark.parametrize(
    "smiles",
    [
        "Cc1cc[nH]n1",
        "Cc1c[nH]cn1",
        "c1ncc2[nH]cnc2n1",
        "O=C(O)CNc1nc2[nH]cnc2c(=O)[nH]1",
        "C[C@H](O)c1nc[nH]c1[C@@H](C)O",  # the two differ by stereo only
        "c1c[nH]c(CCc2c[nH]cn2)n1",
    ],
)
def test_where_several_fit_it_is_refused_with_two_of_them(smiles):
    molecule = Molecule.from_mol_block(aromatic(smiles))
    assert not molecule.valid
    assert molecule.problem.startswith(f"{REASON}: without a name (may be ")
    assert " or " in molecule.problem


@pytest.mark.parametrize("smiles", ["Cc1cc[nH]n1", "c1ncc2[nH]cnc2n1", "Nc1c[nH]c(=O)[nH]1"])
def test_hydrogens_on_nitrogen_are_enough(smiles):
    key = Molecule.from_smiles(smiles).smiles
    bearing = [a.GetIdx() for a in Chem.MolFromSmiles(smiles).GetAtoms() if a.GetAtomicNum() == 7 and a.GetTotalNumHs()]
    assert Molecule.from_mol_block(aromatic(smiles, hydrogens=bearing)).smiles == key


def test_a_hydrogen_elsewhere_says_nothing_of_a_ring():
    ring = Chem.MolFromSmiles("OCc1cc[nH]n1")
    assert not Molecule.from_mol_block(aromatic(Chem.MolToSmiles(ring), hydrogens=[0])).valid


def test_more_nitrogens_than_can_be_tried_are_refused():
    molecule = Molecule.from_mol_block(aromatic("c1nc2nc3nc4nc5ncncc5nc4nc3nc2nn1"))
    assert molecule.problem == f"{REASON}: without a name (which atoms have one is not said)"


def test_what_cannot_be_single_and_double_in_turn_says_so():
    block = aromatic("c1ccccc1").replace("C  ", "O  ", 1)
    assert Molecule.from_mol_block(block).problem.partition(":")[0] in ("aromaticity", "valence")


@pytest.mark.parametrize("version", [Chem.MolToMolBlock, Chem.MolToV3KMolBlock])
def test_damaged_blocks_have_a_reason(version):
    rng = random.Random(0)
    block = aromatic("OCc1cc[nH]n1", version)
    for _ in range(300):
        text = list(block)
        for _ in range(2):
            place = rng.randrange(len(text))
            text[place] = rng.choice(["", "4", " ", "\n", "N", text[place] * 2])
        molecule = Molecule.from_mol_block("".join(text))
        assert molecule.valid == (molecule.problem is None)
