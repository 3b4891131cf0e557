"""Patterns that a SMILES rules out are none that its molecule holds."""

import pytest
from rdkit import Chem
from rdkit.Chem import QED

from molgfn.chemistry.reactions.loading import load_library
from molgfn.chemistry.reading.prescreen import Prescreen

MOLECULES = [
    *("Clc1ccccc1", "CC(=O)Nc1ccc(Br)nc1", "C#CCO", "c1ccsc1", "[O-][n+]1ccccc1", "C1=CCCC1", "OB(O)c1ccco1"),
    *("C[Si](C)(C)C", "I[Sn]1CCC1", "C[13CH2]N", "c1cc[se]c1", "CP(=O)(OC)F", "ClCCBr", "N#CC=S"),
]
SMARTS = [
    *("[C:1]", "[Cl]", "Cl", "[#6]", "[C,N]", "[!C]", "[C;H3]", "c1ccccc1", "[#6&!$(C=[O,N]):9][N:1]", "[$(C=O)]", "*"),
    *(
        "C=C",
        "C#C",
        "C-,=C",
        "[n+]",
        "[O-]",
        "[Sn]",
        "[Si]",
        "[SX2]",
        "[s]",
        "[#16]",
        "[Br,I]",
        "B",
        "[B]-O",
        "P",
        "[CH3]",
    ),
    *(
        "[C&!$(C(C)N)]",
        "[13C]",
        "[c,C]c",
        "[nX3]",
        "[#7]~[#8]",
        "[*]=[O]",
        "[#5]",
        "N#C",
        "[#8]=[#6]",
        "[Se]",
        "[se]",
        "[F,Cl]",
    ),
]


def test_by_hand():
    patterns = [Chem.MolFromSmarts(text) for text in ("C", "[#6]", "Cl", "C=C", "cc", "[C,N]", "NN")]
    screen = Prescreen(patterns)
    assert screen.possible("Clc1ccccc1") == [1, 2, 4, 5]
    assert screen.possible("C=CN") == [0, 1, 3, 5]
    assert screen.possible("CCCC") == [0, 1, 5]
    assert Prescreen([]).possible("C") == []


@pytest.mark.parametrize("which", ["by hand", "textbook", "alerts"])
def test_what_is_there_is_possible(which):
    library = load_library("textbook")
    queries = {
        "by hand": [Chem.MolFromSmarts(text) for text in SMARTS],
        "textbook": [*library._queries._different, *library._product_queries._different],
        "alerts": list(QED.StructuralAlerts),
    }[which]
    blocks = [block.smiles for block in library.blocks]
    made = [p for r in (0, 5, 9, 14) for p in products_of(library, r)]
    screen, left_out, held = Prescreen(queries), 0, 0
    for smiles in [*map(Chem.CanonSmiles, MOLECULES), *blocks[::4], *made]:
        mol = Chem.MolFromSmiles(smiles)
        there = [k for k, query in enumerate(queries) if mol.HasSubstructMatch(query)]
        possible = screen.possible(smiles)
        assert set(there) <= set(possible), smiles
        held += len(there)
        left_out += len(queries) - len(possible)
    assert held > 100
    assert left_out > 5 * held if which != "by hand" else left_out > held / 2


def products_of(library, reaction, most=6):
    """Of the first blocks that fit each slot."""
    slots = [row for row, (r, _) in zip(library.block_fits, library.slots, strict=True) if r == reaction]
    blocks = [row.nonzero()[0][:most].tolist() for row in slots]
    return [
        p
        for k in range(min(map(len, blocks)))
        for p in library.products(reaction, tuple(library.blocks[some[k]].smiles for some in blocks))
    ]


def test_fits_are_the_same_with_and_without():
    queries = load_library("textbook")._queries
    for smiles in map(Chem.CanonSmiles, MOLECULES):
        mol = Chem.MolFromSmiles(smiles)
        assert (queries.of_one(mol, smiles) == queries.of_one(mol)).all()
