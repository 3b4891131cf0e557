import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.trees.canonical_trees import NodeType, canonical
from molgfn.chemistry.trees.rigid import RigidTypes
from molgfn.errors import DataError


@pytest.mark.parametrize(
    ("smiles", "sizes"),
    [
        ("CCO", [1, 1, 1]),
        ("CC(=O)Nc1ccccc1", [1, 1, 2, 6]),
        ("c1ccc2ccccc2c1", [10]),
        ("C1CC12CC2", [5]),
        ("c1ccc(-c2ccccc2)cc1", [6, 6]),
        ("CC=CC=CC", [1, 1, 2, 2]),
        ("C[N+](=O)[O-]", [1, 1, 2]),
        ("C", [1]),
    ],
)
def test_pieces(smiles, sizes):
    tree = RigidTypes().read(Chem.MolFromSmiles(smiles))
    assert sorted(len(a) for a in tree.atoms) == sizes
    assert len(tree.edges) == len(sizes) - 1
    assert sorted(a for atoms in tree.atoms for a in atoms) == list(range(len(tree.where)))
    assert all(tree.atoms[node][site] == atom for atom, (node, site) in enumerate(tree.where))


def test_types_do_not_depend_on_the_order_of_atoms():
    types, rng = RigidTypes(), np.random.default_rng(0)
    mol = Chem.MolFromSmiles("Cc1nc2ccccc2n1CC(=O)NC1CC1")
    names = set()
    for _ in range(20):
        shuffled = Chem.RenumberAtoms(mol, rng.permutation(mol.GetNumAtoms()).tolist())
        tree = types.read(shuffled)
        names.add(canonical([types.nodes[t] for t in tree.types], tree.edges))
    assert len(names) == 1


def test_equal_rings_with_different_hydrogens_are_different_types():
    types = RigidTypes()
    pyrrole, furan = (types.read(Chem.MolFromSmiles(s)).types for s in ("c1cc[nH]c1", "c1ccoc1"))
    n_methyl = types.read(Chem.MolFromSmiles("Cn1cccc1"))
    assert pyrrole != furan
    assert pyrrole[0] in n_methyl.types  # a cut bond counts as a hydrogen


@pytest.mark.parametrize(
    ("smiles", "order"), [("c1ccccc1", 12), ("C12C3C4C1C5C2C3C45", 48), ("C1C2CC3CC1CC(C2)C3", 24), ("c1ccncc1", 2)]
)
def test_symmetries_of_rings(smiles, order):
    types = RigidTypes()
    (number,) = types.read(Chem.MolFromSmiles(smiles)).types
    symmetries = types.nodes[number].symmetries
    assert len(set(symmetries)) == types.nodes[number].order == order
    composed = {tuple(s[i] for i in t) for s in symmetries for t in symmetries}
    assert composed == set(symmetries)  # a group


def test_several_components_are_refused():
    with pytest.raises(DataError, match="one component"):
        RigidTypes().read(Chem.MolFromSmiles("CC.O"))


def test_canonical_names_of_paths_and_stars():
    node = NodeType("a", ((0,),))
    path = [(i, 0, i + 1, 0) for i in range(3)]
    star = [(0, 0, i, 0) for i in range(1, 4)]
    assert canonical([node] * 4, path)[1] == 2
    assert canonical([node] * 4, star)[1] == 6
    assert canonical([node] * 4, path)[0] != canonical([node] * 4, star)[0]
    assert canonical([node], []) == ("a()", 1)
    # free points of a node may be permuted
    assert canonical([NodeType("b", ((0,),), capacity=(3,))], [])[1] == 6
    ends = [NodeType("b", ((0, 1), (1, 0)), capacity=(1, 1))] * 2
    assert canonical(ends, [(0, 0, 1, 1)])[1] == 2  # turned round the join
