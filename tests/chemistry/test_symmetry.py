from collections import defaultdict
from math import exp, factorial, log

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.fragments.assembly import Assembler
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.trees.symmetry import MoleculeSymmetry, TreeSymmetry, log_automorphisms

SIZE = 4
VOCABULARIES = {
    "symmetric": [("C", [0]), ("c1ccccc1", [0, 1, 2, 3, 4, 5]), ("C1CNCCN1", [2, 5])],
    "rings": [("CC", [0, 1]), ("CCC", [1]), ("C1CC1", [0]), ("c1ccncc1", [0, 1, 2, 4, 5])],
    "ambiguous": [("C", [0]), ("CC", [0, 1]), ("CCC", [0, 2]), ("CCO", [0, 1])],
    "repeated points": [("C", [0, 0]), ("N", [0, 0]), ("CO", [0, 0, 1])],
    "many repeated points": [("C", [0, 0, 0, 0]), ("FC(F)F", [1]), ("F", [0]), ("CF", [0, 0])],
    "unequal multiplicity": [("CC", [0, 0, 1]), ("C1CC1", [0, 0, 1, 1, 2]), ("O", [0])],
    "hypervalent and charged": [
        ("O=S=O", [1, 1]),
        ("C[NH3+]", [1, 1]),
        ("C", [0]),
        ("CS", [0, 1]),
        ("c1cc[nH]c1", [0, 3]),
    ],
    "same molecule twice": [("CCC", [0]), ("CCC", [0, 2]), ("CCC", [1]), ("C", [0, 0])],
    "inert": [("O", []), ("C", [0, 0]), ("CC", [0])],
}
STOP_RULES = {
    "all": lambda n, open_points, atoms: True,
    "nearly closed": lambda n, open_points, atoms: n >= 2 and sum(open_points) <= 3,
    "size": lambda n, open_points, atoms: n <= 3 and 4 <= atoms <= 12,
}


# the largest set has 3,559 trees of up to 4 fragments: up to 3 in the everyday run
SETS = [pytest.param((name, SIZE if name != "rings" else 3), id=name.replace(" ", "-")) for name in VOCABULARIES]
SETS.append(pytest.param(("rings", SIZE), id="rings-of-4", marks=pytest.mark.slow))


@pytest.fixture(scope="module", params=SETS)
def enumerated(request, tools):
    name, size = request.param
    return tools.BruteForce(VOCABULARIES[name], size)


@pytest.fixture(scope="module", params=[("c1ccccc1", [0, 2, 4]), ("CCC", [0, 2, 1]), ("C", [0, 0, 0])], ids=str)
def grown(request, tools):
    """Trees grown from a scaffold (the last two are also built by the vocabulary itself)."""
    return tools.BruteForce([("C", [0, 0]), ("CC", [0, 1]), ("c1ccccc1", [0, 3])], SIZE, scaffold=request.param)


def check_trees(enumerated):
    symmetry = TreeSymmetry(enumerated.vocabulary, enumerated.scaffold)
    found = symmetry.log_symmetry(*enumerated.arrays(SIZE))
    np.testing.assert_allclose(found, np.log(list(enumerated.c.values())), rtol=0, atol=1e-12)
    keys = symmetry.keys(*enumerated.arrays(SIZE))
    assert len(set(keys)) == len(enumerated.trees)


def check_molecules(enumerated, rule):
    may_stop = STOP_RULES[rule]
    molecules = Assembler(enumerated.vocabulary, enumerated.scaffold).molecules(*enumerated.arrays(SIZE))
    total, mols = defaultdict(float), {}
    for molecule, tree, c in zip(molecules, enumerated.trees.values(), enumerated.c.values(), strict=True):
        assert molecule.valid, molecule.problem
        mols[molecule.smiles] = molecule.mol
        total[molecule.smiles] += c * may_stop(
            len(tree.kinds), (enumerated.open_points(tree),), molecule.mol.GetNumAtoms()
        )
    symmetry = MoleculeSymmetry(
        enumerated.vocabulary, max_fragments=SIZE, may_stop=may_stop, scaffold=enumerated.scaffold
    )
    for molecule, *tree in zip(molecules, *(a.tolist() for a in enumerated.arrays(SIZE)), strict=True):
        found = exp(symmetry.log_symmetry(molecule.mol, tuple(tree)))
        assert found == pytest.approx(total[molecule.smiles], rel=1e-9, abs=0), molecule.smiles
    for smiles, mol in mols.items():
        assert exp(symmetry.log_symmetry(mol)) == pytest.approx(total[smiles], rel=1e-9, abs=0), smiles
        reread = Chem.MolFromSmiles(smiles)  # another order of atoms and bonds
        assert exp(symmetry.log_symmetry(reread)) == pytest.approx(total[smiles], rel=1e-9, abs=0), smiles
    assert any(total.values())
    return total


def test_tree_symmetry_is_the_product_of_action_counts(enumerated):
    check_trees(enumerated)


@pytest.mark.parametrize("rule", STOP_RULES)
def test_molecule_symmetry_is_the_sum_over_its_trees(enumerated, rule):
    check_molecules(enumerated, rule)


def test_with_a_scaffold(grown):
    check_trees(grown)
    for rule in STOP_RULES:
        check_molecules(grown, rule)


def test_the_sets_are_hard_enough(tools):
    """Without these properties the tests above would show little."""
    ambiguous = tools.BruteForce(VOCABULARIES["ambiguous"], SIZE)
    molecules = Assembler(ambiguous.vocabulary).molecules(*ambiguous.arrays(SIZE))
    assert len({m.smiles for m in molecules}) < len(molecules)
    symmetric = tools.BruteForce(VOCABULARIES["symmetric"], SIZE)
    assert max(symmetric.c.values()) / min(symmetric.c.values()) > 1000


def test_keys_and_values_do_not_depend_on_the_naming_of_nodes(tools, shipped):
    symmetry, rng = TreeSymmetry(shipped), np.random.default_rng(1)
    kinds, joins = tools.random_trees(shipped, 200, 9, seed=1)
    other = [tools.shuffled(k, j, rng) for k, j in zip(kinds, joins, strict=True)]
    other_kinds, other_joins = np.stack([k for k, _ in other]), np.stack([j for _, j in other])
    assert symmetry.keys(kinds, joins) == symmetry.keys(other_kinds, other_joins)
    np.testing.assert_allclose(symmetry.log_symmetry(kinds, joins), symmetry.log_symmetry(other_kinds, other_joins))


def test_a_tree_never_has_more_mass_than_its_molecule(tools, shipped):
    kinds, joins = tools.random_trees(shipped, 150, 9, seed=2)
    trees = TreeSymmetry(shipped).log_symmetry(kinds, joins)
    molecules = Assembler(shipped).molecules(kinds, joins)
    symmetry = MoleculeSymmetry(shipped, max_fragments=9)
    whole = np.array([symmetry.log_symmetry(m.mol) for m in molecules])
    assert (whole >= trees - 1e-9).all()
    assert (whole > trees + 1e-9).any()


@pytest.mark.parametrize(
    ("smiles", "count"),
    [
        ("C", 1),
        ("c1ccccc1", 12),
        ("Cc1ccccc1", 2),
        ("CC(C)(C)C", 24),
        ("c1ccc(-c2ccccc2)cc1", 8),
        ("FC(F)(F)C(C(F)(F)F)(C(F)(F)F)C(F)(F)F", 24 * 6**4),
        ("C12C3C4C1C5C2C3C45", 48),
        ("C[N+](C)(C)C", 24),
        ("C=C", 2),
        ("CC=CC", 2),
        ("C1CC12CC2", 8),
        ("[O-][N+](=O)c1ccccc1", 2),
    ],
)
def test_automorphism_counts(smiles, count):
    assert exp(log_automorphisms(Chem.MolFromSmiles(smiles))) == pytest.approx(count)


def test_automorphisms_agree_with_rdkit_on_random_molecules(tools, shipped):
    kinds, joins = tools.random_trees(shipped, 100, 6, seed=3)
    checked = 0
    for molecule in Assembler(shipped).molecules(kinds, joins):
        matches = molecule.mol.GetSubstructMatches(molecule.mol, uniquify=False, maxMatches=20_000)
        if len(matches) == 20_000:
            continue
        hydrogens = [a.GetTotalNumHs() for a in molecule.mol.GetAtoms()]  # which substructure matches do not look at
        same = [m for m in matches if [hydrogens[i] for i in m] == hydrogens]
        assert exp(log_automorphisms(molecule.mol)) == pytest.approx(len(same))
        checked += 1
    assert checked > 90


def test_highly_symmetric_molecules_cost_nothing_special():
    """A listing of the matches of this molecule would be of length 20! * 6^20."""
    arm = "C(F)(F)F"
    core = "C" + "".join(f"(C({arm})({arm})" for _ in range(9)) + f"C({arm})({arm}){arm}" + ")" * 9
    mol = Chem.MolFromSmiles(core)
    vocabulary = Vocabulary.load([["C", [0, 0, 0, 0]], ["FC(F)F", [1]]])
    value = MoleculeSymmetry(vocabulary, max_fragments=60).log_symmetry(mol)
    assert np.isfinite(value)
    assert log_automorphisms(mol) >= 19 * log(6)


def test_a_star_has_the_closed_form():
    """One centre with n equal arms has n! automorphisms per atom's points."""
    vocabulary = Vocabulary.load([["C", [0, 0, 0, 0]], ["F", [0]]])
    kinds = np.array([[0, 1, 1, 1, 1]])
    joins = np.array([[[0, i, i + 1, 0] for i in range(4)]])
    # numerator 4! for the points of the carbon, denominator 4! for the arms
    assert TreeSymmetry(vocabulary).log_symmetry(kinds, joins) == pytest.approx(0.0)
    joins[0, 3], kinds[0, 4] = -1, -1
    assert TreeSymmetry(vocabulary).log_symmetry(kinds, joins) == pytest.approx(log(factorial(4) / factorial(3)))


def test_molecules_out_of_reach_have_no_mass(shipped):
    symmetry = MoleculeSymmetry(shipped, max_fragments=2)
    assert symmetry.log_symmetry(Chem.MolFromSmiles("[Au]C")) == -np.inf
    assert symmetry.log_symmetry(Chem.MolFromSmiles("CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC")) == -np.inf
    assert symmetry.log_symmetry(Chem.MolFromSmiles("C.C")) == -np.inf


def test_empty_trees():
    symmetry = TreeSymmetry(Vocabulary.load([["C", [0]]]))
    kinds, joins = np.full((2, 3), -1), np.full((2, 2, 4), -1)
    assert symmetry.keys(kinds, joins) == ["", ""]
    assert symmetry.log_symmetry(kinds, joins).tolist() == [0.0, 0.0]
