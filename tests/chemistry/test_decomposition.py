from collections import Counter

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.fragments.assembly import Assembler
from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.trees.decomposition import Decomposer
from molgfn.chemistry.trees.symmetry import TreeSymmetry

AMBIGUOUS = [["C", [0, 0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]


@pytest.mark.parametrize("seeded", [False, True])
def test_random_trees_come_back_as_the_same_molecule(tools, shipped, seeded):
    kinds, joins = tools.random_trees(shipped, 200, 9, seed=5)
    assembler, decomposer = Assembler(shipped), Decomposer(shipped, max_fragments=9)
    rng = np.random.default_rng(0) if seeded else None
    for molecule in assembler.molecules(kinds, joins):
        back = decomposer.decompose(Chem.MolFromSmiles(molecule.smiles), rng)
        assert back is not None, molecule.smiles
        assert back[0].shape == (9,)
        assert back[1].shape == (8, 4)
        assert assembler.molecules(back[0][None], back[1][None])[0].smiles == molecule.smiles


def test_nodes_come_parents_first_and_points_are_used_once(tools, shipped):
    kinds, joins = tools.random_trees(shipped, 100, 9, seed=6)
    decomposer = Decomposer(shipped, max_fragments=9)
    for molecule in Assembler(shipped).molecules(kinds, joins):
        nodes, rows = decomposer.decompose(molecule.mol, np.random.default_rng(1))
        n = int((nodes >= 0).sum())
        assert (nodes[n:] == -1).all()
        assert (rows[n - 1 :] == -1).all()
        used = set()
        for i, (u, p, v, q) in enumerate(rows[: n - 1].tolist()):
            assert v == i + 1
            assert u < v
            assert p < len(shipped[nodes[u]].points)
            assert q < len(shipped[nodes[v]].points)
            used |= {(u, p), (v, q)}
        assert len(used) == 2 * (n - 1)


def test_trees_are_drawn_in_proportion_to_their_symmetry():
    """P(tree | molecule) = c(t) / C(x); chi-square of 4,000 seeded draws against it."""
    vocabulary = Vocabulary.load(AMBIGUOUS)
    decomposer, symmetry = Decomposer(vocabulary, max_fragments=4), TreeSymmetry(vocabulary)
    mol, rng = Chem.MolFromSmiles("CCCCCO"), np.random.default_rng(0)
    drawn, weight = Counter(), {}
    for _ in range(4000):
        kinds, joins = decomposer.decompose(mol, rng)
        (key,) = symmetry.keys(kinds[None], joins[None])
        drawn[key] += 1
        weight[key] = float(np.exp(symmetry.log_symmetry(kinds[None], joins[None])[0]))
    assert len(weight) == 4
    total = sum(weight.values())
    chi2 = sum((drawn[k] - 4000 * w / total) ** 2 / (4000 * w / total) for k, w in weight.items())
    # mean of chi-square is its degrees of freedom, standard deviation sqrt(2 dof)
    dof = len(weight) - 1
    assert chi2 < dof + 4 * np.sqrt(2 * dof)


def test_draws_repeat_with_the_seed():
    decomposer = Decomposer(Vocabulary.load(AMBIGUOUS), max_fragments=4)
    mol = Chem.MolFromSmiles("CCCCCO")
    draws = [
        [decomposer.decompose(mol, rng)[0].tolist() for _ in range(20)]
        for rng in (np.random.default_rng(3), np.random.default_rng(3))
    ]
    assert draws[0] == draws[1]
    assert len({tuple(d) for d in draws[0]}) > 1


def test_size_limit_and_stop_rule():
    vocabulary = Vocabulary.load(AMBIGUOUS)
    mol = Chem.MolFromSmiles("CCCCCC")
    assert Decomposer(vocabulary, max_fragments=1).decompose(mol) is None
    kinds, _ = Decomposer(vocabulary, max_fragments=2).decompose(mol)
    assert kinds.tolist() == [2, 2]
    three = Decomposer(
        vocabulary, max_fragments=6, may_stop=lambda n, open_points, atoms: n == 3 and open_points == (2,)
    )
    kinds, _ = three.decompose(mol)
    assert (kinds >= 0).sum() == 3
    never = Decomposer(vocabulary, max_fragments=6, may_stop=lambda n, open_points, atoms: atoms > 6)
    assert never.decompose(mol) is None


def test_scaffold_is_there_once_and_first():
    scaffold = Fragment("c1ccccc1", (0, 3))
    vocabulary = Vocabulary.load([["C", [0, 0]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]]])
    decomposer = Decomposer(vocabulary, max_fragments=5, scaffold=scaffold)
    kinds, joins = decomposer.decompose(Chem.MolFromSmiles("Cc1ccc(Cc2ccccc2)cc1"), np.random.default_rng(0))
    assert kinds[0] == 2
    assert (kinds == 2).sum() == 1
    molecule = Assembler(vocabulary, scaffold).molecules(kinds[None], joins[None])[0]
    assert molecule.smiles == Chem.CanonSmiles("Cc1ccc(Cc2ccccc2)cc1")
    assert decomposer.decompose(Chem.MolFromSmiles("CCC")) is None
    assert decomposer.decompose(Chem.MolFromSmiles("Cc1cccc(C)c1C")) is None  # the scaffold's points are elsewhere


@pytest.mark.parametrize("smiles", ["[Na+].[Cl-]", "[Au]", "C1CCCCCCCC1", "CC(C)(C)C"])
def test_what_cannot_be_built(smiles):
    decomposer = Decomposer(Vocabulary.load([["C", [0, 0]], ["CC", [0]]]), max_fragments=9)
    assert decomposer.decompose(Chem.MolFromSmiles(smiles)) is None


def test_stereo_marks_are_not_looked_at(shipped):
    decomposer = Decomposer(shipped, max_fragments=9)
    kinds, joins = decomposer.decompose(Chem.MolFromSmiles("C[C@H](N)C(=O)O"))
    assert Assembler(shipped).molecules(kinds[None], joins[None])[0].smiles == Chem.CanonSmiles("CC(N)C(=O)O")


@pytest.mark.parametrize("size", [0, 256])
def test_size_limits_that_cannot_be(size, shipped):
    with pytest.raises(ValueError, match="max_fragments"):
        Decomposer(shipped, max_fragments=size)
