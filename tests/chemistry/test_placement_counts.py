"""Counts of placements and automorphisms against straightforward ones, and rigid trees put together from fragments."""

from math import log

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.fragments.assembly import Assembler
from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.trees import placement_counts
from molgfn.chemistry.trees.canonical_trees import canonical
from molgfn.chemistry.trees.decomposition import Decomposer
from molgfn.chemistry.trees.embedding import MoleculeTree, Pattern
from molgfn.chemistry.trees.rigid import RigidTypes
from molgfn.chemistry.trees.rigid_assembly import RigidAssembler
from molgfn.chemistry.trees.symmetry import MoleculeSymmetry

#: log C(x) with the shipped vocabulary and at most 9 fragments, as the count over listed placements gave it (2026-11)
KNOWN = [
    ("CC(C)Cc1ccc(cc1)C(C)C(=O)O", 14.9317184651119),
    ("CC(=O)Nc1ccc(O)cc1", 5.598421958998375),
    ("CCCCCCCC", 17.351943377457545),
    ("O=C(c1ccccc1)c1ccccc1", 2.772588722239781),
    ("CC(C)(C)c1cc(C(C)(C)C)cc(C(C)(C)C)c1", 12.257416688629986),
    ("FC(F)(F)c1ccccc1C(F)(F)F", 0.6931471805599454),
    ("CN1CCN(CC1)c1ccccc1", 3.58351893845611),
    ("c1ccc(-c2ccc(-c3ccccc3)cc2)cc1", 2.772588722239781),
    ("O=S(=O)(c1ccc(F)c(Cl)c1)c1ccc(Cl)c(-c2cccc(F)c2)c1", 0.6931471805599453),
    ("Cc1noc(C)c1N1CCOC(c2cc(Cl)c(F)cc2N2CC(C)OC(C)C2)C1", 3.044522437723423),
    ("Cc1nccnc1CC(C)Cn1c(-c2nnc(-c3nn[nH]n3)n2C)nc2ccccc21", 13.121290802401356),
]
#: fragments of several sites, of equal parts at one site, that lie in each other, with points two to an atom
HARD = [
    ["C", [0, 0, 0]],
    ["CC", [0, 0, 1]],
    ["CCC", [1, 1]],
    ["CC(C)C", [1]],
    ["c1ccccc1", [0, 1, 2, 3, 4, 5]],
    ["Cc1ccccc1C", [0, 4, 5]],
    ["C1CC1", [0, 0, 1]],
    ["C=C", [0, 1]],
    ["CN", [0, 1, 1]],
    ["NCc1ccccc1", [0, 5]],
]


class Listed:
    """Placements counted one by one: fragments laid on all rigid pieces in every way, each piece covered once."""

    def __init__(self, fragments, most, placements):
        self.placements = placements
        self.types = RigidTypes()
        self.patterns = [Pattern(f, self.types) for f in fragments]
        self.points = [len(f.points) for f in fragments]
        self.most = most

    def count(self, mol):
        """Placements by (fragments, points), and automorphisms."""
        molecule = MoleculeTree(self.types.read(mol))
        n = len(molecule.tree.types)
        covering = [[] for _ in range(n)]  # by the first node covered
        for kind, pattern in enumerate(self.patterns):
            for placement, ways in self.placements(pattern, self.types, molecule):
                mask = sum(1 << node for node, _ in placement)
                covering[(mask & -mask).bit_length() - 1].append((mask, self.points[kind], ways))
        found = {}

        def cover(covered, fragments, points, ways):
            if covered == (1 << n) - 1:
                found[fragments, points] = found.get((fragments, points), 0) + ways
            elif fragments < self.most:
                first = (~covered & -~covered).bit_length() - 1
                for mask, more, times in covering[first]:
                    if not mask & covered:
                        cover(covered | mask, fragments + 1, points + more, ways * times)

        cover(0, 0, 0, 1)
        return found, canonical([self.types.nodes[t] for t in molecule.tree.types], molecule.tree.edges)[1]


@pytest.fixture(scope="module", params=["shipped", "hard"])
def sampled(request, tools, shipped):
    """A vocabulary, random trees of up to 5 fragments of it, and their molecules."""
    vocabulary = shipped if request.param == "shipped" else Vocabulary.load(HARD)
    kinds, joins = tools.random_trees(vocabulary, 150, 5, seed=11)
    molecules = Assembler(vocabulary).molecules(kinds, joins)
    assert all(m.valid for m in molecules)
    return vocabulary, list(zip(kinds.tolist(), joins.tolist(), strict=True)), [m.mol for m in molecules]


def test_counts_are_those_of_listed_placements(sampled, tools):
    vocabulary, trees, mols = sampled
    listed = Listed(list(vocabulary), 5, tools.placements)
    counted = set()
    decomposer = Decomposer(vocabulary, max_fragments=5, may_stop=lambda *numbers: not counted.add(numbers))
    several = 0
    for mol, tree in zip(mols, trees, strict=True):
        counted.clear()
        expected, automorphisms = listed.count(mol)
        assert decomposer.count(mol, tree) == (sum(expected.values()), automorphisms)
        atoms = mol.GetNumAtoms()
        assert counted == {(n, (points - 2 * (n - 1),), atoms) for n, points in expected}
        assert decomposer.count(mol) == (sum(expected.values()), automorphisms)
        several += len(expected) > 1
    assert several > 50  # or the comparison would show little


def test_values_of_the_shipped_vocabulary(shipped):
    symmetry = MoleculeSymmetry(shipped, max_fragments=9)
    for smiles, value in KNOWN:
        assert symmetry.log_symmetry(Chem.MolFromSmiles(smiles)) == pytest.approx(value, rel=0, abs=1e-12), smiles


def test_what_is_remembered_does_not_matter(sampled, monkeypatch):
    vocabulary, trees, mols = sampled
    remembering = Decomposer(vocabulary, max_fragments=5)
    first = [remembering.count(mol, tree) for mol, tree in zip(mols, trees, strict=True)]
    assert [remembering.count(mol, tree) for mol, tree in zip(mols, trees, strict=True)] == first
    monkeypatch.setattr(placement_counts, "_MOST_KEYS", 20)
    forgetting = Decomposer(vocabulary, max_fragments=5)
    pairs = list(zip(mols, trees, strict=True))
    assert [forgetting.count(mol, tree) for mol, tree in reversed(pairs)] == first[::-1]


def test_numbers_of_fragments_do_not_run_into_points():
    """Two halves of 150 fragments are 300, which is too many, not 300 - 256."""
    symmetry = MoleculeSymmetry(Vocabulary.load([["C", [0, 0]]]), max_fragments=200)
    assert symmetry.log_symmetry(Chem.MolFromSmiles("C" * 301)) == -np.inf
    # 2 ways to choose the points of each of the inner atoms and of its ends; turned round it is the same
    assert symmetry.log_symmetry(Chem.MolFromSmiles("C" * 200)) == pytest.approx(199 * log(2))


@pytest.mark.parametrize("scaffold", [None, Fragment("c1ccc2[nH]ccc2c1", (0, 4, 6))])
def test_rigid_trees_are_joined_from_those_of_fragments(tools, shipped, scaffold):
    fragments = [*shipped, *([scaffold] if scaffold else [])]
    kinds, joins = tools.random_trees(fragments, 300, 9, seed=12)
    types = RigidTypes()
    joined = RigidAssembler(fragments, [Pattern(f, types) for f in fragments])
    seen = 0
    for k, j, molecule in zip(
        kinds.tolist(), joins.tolist(), Assembler(shipped, scaffold).molecules(kinds, joins), strict=True
    ):
        if molecule.valid:
            numbers, edges = joined.tree(molecule.mol, (k, j))
            read = types.read(molecule.mol)
            assert sorted(numbers) == sorted(read.types)
            name = canonical([types.nodes[t] for t in read.types], read.edges)
            assert canonical([types.nodes[t] for t in numbers], edges) == name
            seen += 1
    assert seen > 250


def test_another_molecule_than_the_trees_is_read_itself(tools, shipped):
    kinds, joins = tools.random_trees(shipped, 60, 6, seed=13)
    molecules = Assembler(shipped).molecules(kinds, joins)
    trees = list(zip(kinds.tolist(), joins.tolist(), strict=True))
    types = RigidTypes()
    joined = RigidAssembler(shipped, [Pattern(f, types) for f in shipped])
    symmetry, rng, changed = MoleculeSymmetry(shipped, max_fragments=6), np.random.default_rng(0), 0
    for molecule, tree, before in zip(molecules, trees, [trees[-1], *trees], strict=False):
        value = symmetry.log_symmetry(molecule.mol)
        shuffled = Chem.RenumberAtoms(molecule.mol, rng.permutation(molecule.mol.GetNumAtoms()).tolist())
        assert symmetry.log_symmetry(shuffled, tree) == value  # as offline molecules come
        if before != tree and joined.tree(molecule.mol, before) is None:
            assert symmetry.log_symmetry(molecule.mol, before) == value
            changed += 1
        single = Chem.Mol(molecule.mol)
        if single.GetAromaticAtoms():
            Chem.Kekulize(single, clearAromaticFlags=True)  # as if RDKit saw no aromaticity
            assert joined.tree(single, tree) is None
        assert "AdjacencyMatrixBO" not in list(molecule.mol.GetPropNames(True, True))
    assert changed > 50
