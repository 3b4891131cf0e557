from itertools import combinations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D

from molgfn.chemistry import pharmacophores
from molgfn.chemistry.pharmacophores import SIZE, pharmacophore
from molgfn.testing import MOLECULES

#: with every family, several of one family, a salt, and distances of 2 to more than 8 bonds
SMILES = (
    *MOLECULES[:16],
    "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C",
    "OC(=O)c1ccc(CN2CCN(CCCCNC(=N)N)CC2)cc1",
    "C[Si](C)(C)CCCNC(=O)CCCCCCCCC(=O)O",
    "Oc1ccccc1.NCCO",
    "CC(=O)Oc1ccccc1C(=O)O",
)


def test_shares_what_rdkit_shares():
    """As many keys, and as many in common in each pair, as bits of RDKit's fingerprint."""
    mols = [Chem.MolFromSmiles(s) for s in SMILES]
    theirs = [Generate.Gen2DFingerprint(mol, Gobbi_Pharm2D.factory) for mol in mols]
    ours = [pharmacophore(mol) for mol in mols]
    assert [len(keys) for keys in ours] == [bits.GetNumOnBits() for bits in theirs]
    assert max(map(len, ours)) > 200
    for a, b in combinations(range(len(mols)), 2):
        assert len(np.intersect1d(ours[a], ours[b])) == (theirs[a] & theirs[b]).GetNumOnBits(), (a, b)


def test_keys_are_sorted_and_within_size():
    keys = pharmacophore(Chem.MolFromSmiles(SMILES[16]))
    assert (np.diff(keys) > 0).all()
    assert keys[0] >= 0
    assert keys[-1] < SIZE
    assert len(pharmacophore(Chem.MolFromSmiles("C"))) == 0


def test_the_order_of_atoms_does_not_matter():
    mol = Chem.MolFromSmiles(SMILES[17])
    turned = Chem.RenumberAtoms(mol, list(range(mol.GetNumAtoms()))[::-1])
    np.testing.assert_array_equal(pharmacophore(turned), pharmacophore(mol))


@pytest.mark.parametrize("smiles", [MOLECULES[-1], "C" * 60, SMILES[16]])
def test_portions_change_nothing(monkeypatch, smiles):
    mol = Chem.MolFromSmiles(smiles)
    monkeypatch.setattr(pharmacophores, "_PORTION", 3)
    in_portions = pharmacophore(mol)
    monkeypatch.setattr(pharmacophores, "_PORTION", 1000)
    np.testing.assert_array_equal(in_portions, pharmacophore(mol))
    assert len(in_portions) > 10
