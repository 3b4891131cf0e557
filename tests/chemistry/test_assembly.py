import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.fragments.assembly import Assembler
from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.fragments.vocabulary import Vocabulary


def one(entries, kinds, joins, scaffold=None):
    assembler = Assembler(Vocabulary.load(entries), scaffold)
    rows = np.array(joins, dtype=np.int64).reshape(1, -1, 4)
    return assembler.molecules(np.array([kinds]), rows)[0]


@pytest.mark.parametrize(
    ("entries", "kinds", "joins", "smiles"),
    [
        ([["C", [0]]], [0, 0], [(0, 0, 1, 0)], "CC"),
        ([["c1ccccc1", [0, 3]], ["C(=O)O", [0]]], [0, 1], [(0, 1, 1, 0)], "OC(=O)c1ccccc1"),
        ([["c1cc[nH]c1", [3]], ["C", [0]]], [0, 1], [(0, 0, 1, 0)], "Cn1cccc1"),
        ([["C[NH3+]", [1, 1, 1]], ["C", [0]]], [0, 1, 1], [(0, 0, 1, 0), (2, 0, 0, 2)], "C[NH+](C)C"),
        ([["O=S=O", [1, 1]], ["C", [0]]], [1, 0, 1], [(0, 0, 1, 0), (1, 1, 2, 0)], "CS(C)(=O)=O"),
        ([["O=S=O", [1]], ["C", [0]]], [0, 1], [(0, 0, 1, 0)], "C[SH](=O)=O"),
        ([["C", [0, 0, 0, 0]], ["F", [0]]], [0, 1, 1, 1, 1], [(0, i, i + 1, 0) for i in range(4)], "FC(F)(F)F"),
    ],
)
def test_joins(entries, kinds, joins, smiles):
    molecule = one(entries, kinds, joins)
    assert molecule.valid, molecule.problem
    assert molecule.smiles == Chem.CanonSmiles(smiles)
    assert not any(a.GetNumRadicalElectrons() for a in molecule.mol.GetAtoms())


def test_scaffold_is_the_kind_after_the_vocabulary():
    scaffold = Fragment("c1ccncc1", (0, 2))
    molecule = one([["C", [0]], ["CO", [1]]], [2, 0, 1], [(0, 0, 1, 0), (0, 1, 2, 0)], scaffold)
    assert molecule.smiles == Chem.CanonSmiles("COc1cc(C)ccn1")


def test_pads_are_left_out():
    assert one([["C", [0]]], [0, 0, -1, -1], [(0, 0, 1, 0), (-1,) * 4, (-1,) * 4]).smiles == "CC"
    assert one([["CC", [0]]], [0, -1], [(-1,) * 4]).smiles == "CC"


@pytest.mark.parametrize(
    ("kinds", "joins", "problem"),
    [
        ([-1, -1], [(-1,) * 4], "empty tree"),
        ([0, 0], [(-1,) * 4], "not joined"),
        ([0, 0], [(0, 5, 1, 0)], "not there"),
        ([0, 0], [(0, 0, 5, 0)], "not there"),
        ([7, 0], [(0, 0, 1, 0)], "fragment 7 is not in the vocabulary"),
        ([0, 0, 0], [(0, 0, 1, 0), (0, 0, 1, 0)], "close a ring"),
        ([0, 0, 0], [(0, 0, 1, 0), (0, 0, 2, 0)], "valence"),
    ],
)
def test_what_is_no_molecule_is_named(kinds, joins, problem):
    entries = [["FC(F)F", [1]]]
    molecule = one(entries, kinds, joins)
    assert not molecule.valid
    assert problem in molecule.problem


def test_every_tree_of_the_shipped_vocabulary_is_a_molecule(tools, shipped):
    kinds, joins = tools.random_trees(shipped, 500, 9, seed=0)
    assembler = Assembler(shipped)
    molecules = assembler.molecules(kinds, joins)
    assert [m.problem for m in molecules if not m.valid] == []
    for molecule in molecules:
        assert len(Chem.GetMolFrags(molecule.mol)) == 1
        assert Chem.CanonSmiles(molecule.smiles) == molecule.smiles
    sizes = np.array([f.mol().GetNumAtoms() for f in shipped] + [0])
    assert [m.mol.GetNumAtoms() for m in molecules] == sizes[kinds].sum(1).tolist()
    again = assembler.molecules(kinds, joins)  # assembling changed none of the fragments
    assert [m.smiles for m in again] == [m.smiles for m in molecules]
