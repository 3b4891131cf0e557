"""Unusual motifs: each is found where it is, and not in drugs that have none."""

import pytest
from rdkit import Chem

from molgfn.chemistry.motifs import MOTIFS, unusual_motifs

EXAMPLES = {
    "CNNC": ["N-N"],
    "O=C(NO)c1ccccc1": ["N-O"],
    "COOC": ["O-O"],
    "CSSC": ["S-S"],
    "CSNC": ["N-S below sulfonyl"],
    "CSOC": ["O-S below sulfonyl"],
    "CN(C)Cl": ["N-halogen"],
    "COCl": ["O-halogen"],
    "CS(=O)(=O)Cl": ["S-halogen"],
    "CN(C)COC": ["N-C-O"],
    "CN(C)CN(C)C": ["N-C-N"],
    "CN(C)C(F)F": ["N-C-halogen"],
    "CC(Cl)NC": ["N-C-halogen"],
    "COC(C)O": ["hemiketal or hemiaminal"],
    "CC(NC)O": ["N-C-O", "hemiketal or hemiaminal"],
    "CC(O)O": ["geminal diol"],
    "CC(O)=CC": ["enol"],
    "CC=O": ["aldehyde"],
    "CC(=O)Cl": ["acyl halide"],
    "CC(=O)OC(C)=O": ["anhydride"],
    "CN=C=O": ["isocyanate"],
    "CS": ["thiol"],
    "C[SH](=O)=O": ["hydrogen on S=O"],
    "CC=C=C": ["cumulene"],
}
USUAL = [
    "FC(F)(F)Oc1ccc(CNCC(F)F)cc1",
    "FC(F)n1cccn1",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "CC(=O)Nc1ccc(O)cc1",
    "CN1CCN(CC1)S(=O)(=O)c1ccc(OC)cc1",
    "c1ccc(-n2cccn2)cc1",
    "O=CN1CCOCC1",
    "COCCOC",
    "CC1(C)OCCO1",
    "c1ccc2onc(C)c2c1",
    "O=[N+]([O-])c1ccccc1",
]


@pytest.mark.parametrize(("smiles", "names"), EXAMPLES.items())
def test_motifs_are_found(smiles, names):
    assert unusual_motifs(Chem.MolFromSmiles(smiles)) == names


def test_every_motif_has_an_example():
    assert {name for names in EXAMPLES.values() for name in names} == set(MOTIFS)


@pytest.mark.parametrize("smiles", USUAL)
def test_drugs_have_none(smiles):
    assert unusual_motifs(Chem.MolFromSmiles(smiles)) == []
