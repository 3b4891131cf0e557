"""Scaffolds as chemists write them."""

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.fragments.assembly import Assembler
from molgfn.chemistry.fragments.build import build_vocabulary
from molgfn.chemistry.fragments.coverage import coverage
from molgfn.chemistry.fragments.growing import Scaffold
from molgfn.chemistry.fragments.space import FragmentSpace
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import parse
from molgfn.chemistry.trees.symmetry import MoleculeSymmetry
from molgfn.errors import ConfigError

VOCABULARY = [["C", [0, 0]], ["c1ccccc1", [0, 3]], ["CC=O", [1]], ["c1cc[nH]c1", [3, 0]], ["N", [0, 0]]]
#: given, its fragment, and how many points
GOOD = [
    ("Cc1ccn(*)n1", "Cc1cc[nH]n1", 1),
    ("*n1ccc2ccccc21", "c1ccc2[nH]ccc2c1", 1),
    ("*n1ccc2cc(*)ccc21", "c1ccc2[nH]ccc2c1", 2),
    ("*n1ccccc1=O", "O=c1cccc[nH]1", 1),
    ("*N1C=CC(=O)C=C1", "O=c1cc[nH]cc1", 1),
    ("*n1cnc2c(*)ncnc21", "c1ncc2nc[nH]c2n1", 2),
    ("[*:1]n1ccnc1[*:2]", "c1c[nH]cn1", 2),
    ("*n1c(*)c(*)nc1", "c1c[nH]cn1", 3),
    ("*n1nnnc1*", "c1nnn[nH]1", 2),
    ("O=c1[nH]c(=O)n(*)cc1", "O=c1cc[nH]c(=O)[nH]1", 1),
    ("Cn1cnc2c1c(=O)n(*)c(=O)n2*", "Cn1cnc2[nH]c(=O)[nH]c(=O)c21", 2),
    ("*n1c2ccccc2c2ccccc21", "c1ccc2c(c1)[nH]c1ccccc12", 1),
    ("*[n+]1ccccc1", "c1cc[nH+]cc1", 1),
    ("*[N+](C)(C)C", "C[NH+](C)C", 1),
    ("*C(=O)[O-]", "O=C[O-]", 1),
    ("*c1c[n+]([O-])ccc1", "[O-][n+]1ccccc1", 1),
    ("[1*]c1ccccc1", "c1ccccc1", 1),
    ("[CH3:3]c1ccn([*:1])n1", "Cc1cc[nH]n1", 1),
    ("*[13CH3]", "[13CH4]", 1),
    ("*S(=O)(=O)*", "O=[SH2]=O", 2),
    ("*C(*)(*)*", "C", 4),
    ("CNC(=O)c1nn(*)cc1[N+](=O)[O-]", "CNC(=O)c1n[nH]cc1[N+](=O)[O-]", 1),
]


@pytest.mark.parametrize(("given", "smiles", "points"), GOOD)
def test_every_molecule_holds_the_scaffold(given, smiles, points):
    scaffold = Scaffold.parse(given)
    assert scaffold.fragment.smiles == Chem.CanonSmiles(smiles)
    assert len(scaffold.fragment.points) == len(scaffold.names) == points
    query = Chem.MolFromSmiles(given)
    for atom in query.GetAtoms():
        if atom.GetAtomicNum() == 0:  # any atom, hydrogen as well
            atom.SetIsotope(0)
            atom.SetAtomMapNum(0)
    query = Chem.AdjustQueryProperties(query, anything())
    vocabulary = Vocabulary.load(VOCABULARY)
    kinds, joins = grown(vocabulary, scaffold.fragment, 40)
    symmetry = MoleculeSymmetry(vocabulary, max_fragments=5, scaffold=scaffold.fragment)
    for molecule in Assembler(vocabulary, scaffold.fragment).molecules(kinds, joins):
        assert molecule.valid, molecule.problem
        assert Chem.AddHs(molecule.mol).HasSubstructMatch(query), molecule.smiles
        assert np.isfinite(symmetry.log_symmetry(molecule.mol))
        back = symmetry.decomposer.decompose(Chem.MolFromSmiles(molecule.smiles))
        assert back is not None
        assert back[0][0] == len(vocabulary)


def anything():
    rules = Chem.AdjustQueryParameters.NoAdjustments()
    rules.makeDummiesQueries = True
    return rules


def grown(vocabulary, fragment, n, size=5):
    """``n`` random trees that begin with the fragment, of kind ``len(vocabulary)``."""
    kinds_of, rng = [*vocabulary, fragment], np.random.default_rng(0)
    kinds, joins = np.full((n, size), -1), np.full((n, size - 1, 4), -1)
    for i in range(n):
        kinds[i, 0] = len(vocabulary)
        free = [(0, p) for p in range(len(fragment.points))]
        for node in range(1, int(rng.integers(1, size + 1))):
            if not free:
                break
            u, p = free.pop(int(rng.integers(len(free))))
            kind = int(rng.integers(len(vocabulary)))
            q = int(rng.integers(len(kinds_of[kind].points)))
            kinds[i, node], joins[i, node - 1] = kind, (u, p, node, q)
            free += [(node, r) for r in range(len(kinds_of[kind].points)) if r != q]
    return kinds, joins


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "no attachment point"),
        ("c1ccccc1", "no attachment point"),
        ("*", "no atom but attachment points"),
        ("**", "no atom but attachment points"),
        ("*.*", "no atom but attachment points"),
        ("[*-]", "no atom but attachment points"),
        ("**C", "single bond"),
        ("*=C", "single bond"),
        ("C*C", "single bond"),
        ("*1CCC1", "single bond"),
        ("*C.*", "single bond"),
        ("[H]*", "hydrogen"),
        ("[2H]C*", "hydrogen"),
        ("*[CH2]", "unpaired electrons"),
        ("*C.C", "several components"),
        ("[Na+].[O-]c1ccc(*)cc1", "several components"),
        ("C[C@H](*)O", r"stereo marks.*'C\[CH\]\(\*\)O'"),
        ("*/C=C/C", "stereo marks"),
        ("[R1]c1ccccc1", r"as in '\[\*:1\]c1ccccc1'"),
        ("[R]c1ccccc1", r"as in '\*c1ccccc1'"),
        ("c1ccccc1(", "not a SMILES"),
        ("*[nH]1cccc1", "no molecule"),
        ("*n1ccccc1", "no molecule"),
        ("*C(C)(C)(C)C", "no molecule"),
        ("[*:1]c1ccc(*)cc1", "number all of them, or none"),
    ],
)
def test_what_cannot_be_grown_from(given, message):
    with pytest.raises(ConfigError, match=message) as found:
        Scaffold.parse(given)
    assert f"'{given}'" in str(found.value)
    with pytest.raises(ConfigError, match="scaffold"):
        FragmentSpace(VOCABULARY, scaffold=given, max_fragments=3)


def test_names_of_points():
    assert Scaffold.parse("*c1ccc(*)cc1").names == (1, 2)
    assert Scaffold.parse("[*:3]c1ccc([*:1])cc1").names == (3, 1)
    two = Scaffold.parse("[*:2]c1ccc([*:2])cc1[*:1]")
    assert two.names == (2, 2, 1)
    assert len(set(two.fragment.points)) == 3


def test_vocabularies_of_molecules_bonded_at_aromatic_nitrogens():
    molecules = parse(
        [
            "CC(=O)n1cccn1",
            "O=C(c1ccccc1)n1ccc2ccccc21",
            "c1ccc(Cn2cnc3c(NC4CC4)ncnc32)cc1",
            "O=c1ccccn1Cc1ccccc1",
            "Cc1nccn1Cc1ccccc1",
            "c1ccc(Cn2ccnn2)cc1",
        ]
    )
    report = build_vocabulary(list(enumerate(molecules)))
    assert report.coverage == 1.0
    assert coverage(report.vocabulary, molecules, max_fragments=12).missing == []
    again = Vocabulary.load(report.vocabulary.plain())  # each fragment passes its own check
    assert any("[nH]" in f.smiles and f.points for f in again)
