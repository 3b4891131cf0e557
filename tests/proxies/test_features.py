"""What a proxy sees of a molecule, against RDKit atom by atom and bond by bond."""

import numpy as np
import pytest
from rdkit import Chem

from molgfn.proxies.features import ATOM_COLUMNS, ATOM_PROPERTIES, BOND_KINDS, ELEMENTS, molecule_graphs, one_hot
from molgfn.testing import MOLECULES

MORE = (
    "[NH3]->[Pt](Cl)Cl",
    "[*]CC",
    "C12C3C4C1C5C2C3C45",
    "FS(F)(F)(F)(F)F",
    "[O-][N+](=O)c1ccc2[nH]ccc2c1",
    "C1CC12C=CC2",
    "CC#N",
)
HYBRID = {Chem.HybridizationType.SP: 0, Chem.HybridizationType.SP2: 1, Chem.HybridizationType.SP3: 2}
ORDER = {
    Chem.BondType.SINGLE: 0,
    Chem.BondType.DATIVE: 0,
    Chem.BondType.DOUBLE: 1,
    Chem.BondType.TRIPLE: 2,
    Chem.BondType.AROMATIC: 3,
}


def mols(smiles=(*MOLECULES, *MORE)):
    return [Chem.MolFromSmiles(s) for s in smiles]


def expected_atom(atom):
    """The values of ``ATOM_PROPERTIES``, in order."""
    rings = atom.GetOwningMol().GetRingInfo()
    number, ring = atom.GetAtomicNum(), rings.MinAtomRingSize(atom.GetIdx())
    return [
        ELEMENTS.index(number) if number in ELEMENTS else len(ELEMENTS),
        min(atom.GetDegree(), 6),
        min(atom.GetTotalNumHs(), 4),
        min(max(atom.GetFormalCharge(), -2), 2) + 2,
        HYBRID.get(atom.GetHybridization(), 3),
        int(atom.GetIsAromatic()),
        0 if ring == 0 else min(ring, 8) - 2,
    ]


def bonds_of(graphs, row):
    """(source, target) -> kind."""
    own = graphs.take(np.array([row]))
    pairs = list(zip(own.source.tolist(), own.target.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    return dict(zip(pairs, own.kind.tolist(), strict=True))


def test_atoms_are_what_rdkit_says():
    given = mols()
    graphs = molecule_graphs(given)
    with_hydrogens = [Chem.RemoveHs(mol) for mol in given]  # only deuterium is explicit, and it stays
    wanted = np.array([expected_atom(atom) for mol in with_hydrogens for atom in mol.GetAtoms()])
    first = np.cumsum([0, *ATOM_PROPERTIES.values()])[:-1]
    np.testing.assert_array_equal(graphs.atoms, wanted + first)
    np.testing.assert_array_equal(graphs.sizes, [mol.GetNumAtoms() for mol in given])
    assert all(0 <= v < n for v, n in zip(wanted.max(0), ATOM_PROPERTIES.values(), strict=True))
    assert len(np.unique(graphs.atoms)) > 0.7 * ATOM_COLUMNS  # the molecules show most of it


def test_bonds_are_what_rdkit_says():
    given = mols()
    graphs = molecule_graphs(given)
    for row, mol in enumerate(given):
        wanted = {}
        for bond in mol.GetBonds():
            kind = 2 * ORDER[bond.GetBondType()] + bond.IsInRing()
            wanted[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()] = kind
            wanted[bond.GetEndAtomIdx(), bond.GetBeginAtomIdx()] = kind
        assert bonds_of(graphs, row) == wanted
        assert graphs.bonds[row] == 2 * mol.GetNumBonds()
    assert set(graphs.kind) == {0, 1, 2, 3, 4, 7} < set(range(BOND_KINDS))


def test_a_bond_without_an_order_is_any_other():
    mol = Chem.MolFromSmarts("[C]~[C]-[O]")
    Chem.SanitizeMol(mol)
    mol.GetBondWithIdx(0).SetBondType(Chem.BondType.ZERO)
    assert bonds_of(molecule_graphs([mol]), 0) == {(0, 1): 8, (1, 0): 8, (1, 2): 0, (2, 1): 0}


def test_explicit_hydrogens_make_no_difference():
    plain = molecule_graphs(mols(["CCO", "c1ccccc1N"]))
    explicit = molecule_graphs([Chem.AddHs(mol) for mol in mols(["CCO", "c1ccccc1N"])])
    for name in ("atoms", "sizes", "bonds", "source", "target", "kind"):
        np.testing.assert_array_equal(getattr(explicit, name), getattr(plain, name))


def test_one_hot_and_take_and_edges():
    graphs = molecule_graphs(mols(["CCO", "C", "c1ccccc1"]))
    features = one_hot(graphs.atoms)
    assert features.shape == (10, ATOM_COLUMNS)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(np.flatnonzero(features[4]), graphs.atoms[4])
    assert (features.sum(1) == len(ATOM_PROPERTIES)).all()
    turned = graphs.take(np.array([2, 1, 0]))
    again = molecule_graphs(mols(["c1ccccc1", "C", "CCO"]))
    for name in ("atoms", "sizes", "bonds", "source", "target", "kind"):
        np.testing.assert_array_equal(getattr(turned, name), getattr(again, name))
    # ethanol's bonds come after six atoms of benzene and one of methane
    assert turned.edges()[:, -4:].tolist() == [[7, 8, 8, 9], [8, 7, 9, 8]]
    assert len(molecule_graphs([])) == 0
    assert one_hot(molecule_graphs([]).atoms).shape == (0, ATOM_COLUMNS)


@pytest.mark.parametrize("smiles", ["CC(=O)Nc1ccc(O)cc1", "C[Zn]C", "[NH3]->[Pt](Cl)Cl"])
def test_the_order_of_the_atoms_makes_no_difference(smiles):
    mol = Chem.MolFromSmiles(smiles)
    order = list(range(mol.GetNumAtoms()))[::-1]
    one, other = molecule_graphs([mol]), molecule_graphs([Chem.RenumberAtoms(mol, order)])
    np.testing.assert_array_equal(one.atoms, other.atoms[::-1])
    last = len(order) - 1
    assert bonds_of(one, 0) == {(last - a, last - b): kind for (a, b), kind in bonds_of(other, 0).items()}
