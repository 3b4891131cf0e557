import pytest

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.scaffolds import murcko


@pytest.mark.parametrize(
    ("smiles", "scaffold"),
    [
        ("CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1"),
        ("CCCC", ""),
        ("Cc1ccc(CCc2ccncc2)cc1", "c1ccc(CCc2ccncc2)cc1"),
        ("O=C1CCCN1C", "O=C1CCCN1"),
        ("C[C@H]1CC[C@@H](C2CC2)CC1", "C1CCC(C2CC2)CC1"),
    ],
)
def test_scaffolds(smiles, scaffold):
    assert murcko(Molecule.from_smiles(smiles)) == scaffold


def test_an_invalid_molecule_has_none():
    with pytest.raises(ValueError, match="invalid molecule"):
        murcko(Molecule.from_smiles("XX"))
