import numpy as np
import pytest
from rdkit import Chem
from tests.reference_values import crc32, reference

from molgfn.chemistry.models.seh_features import FEATURES, proxy_graphs
from molgfn.testing.oracle import MOLECULES

SP = Chem.HybridizationType
KINDS = {Chem.BondType.SINGLE: 0, Chem.BondType.DOUBLE: 1, Chem.BondType.TRIPLE: 2, Chem.BondType.AROMATIC: 3}


def mols(smiles):
    return [Chem.MolFromSmiles(s) for s in smiles]


def slow_features(mol):
    """One atom after the other, as the definition is written."""
    rows = np.zeros((mol.GetNumAtoms(), FEATURES), dtype=np.float32)
    for row, atom in zip(rows, mol.GetAtoms(), strict=True):
        row[{"H": 0, "C": 1, "N": 2, "O": 3, "F": 4}.get(atom.GetSymbol(), 5)] = 1
        row[9] = atom.GetIsAromatic()
        for place, hybrid in ((10, SP.SP), (11, SP.SP2), (12, SP.SP3)):
            row[place] = atom.GetHybridization() == hybrid
        row[13] = atom.GetTotalNumHs(includeNeighbors=True)
        row[14 + atom.GetAtomicNum() - 1] = 1
    return rows


def test_benzene():
    graphs = proxy_graphs(mols(["c1ccccc1"]))
    row = np.zeros(FEATURES)
    row[[1, 9, 11, 13, 19]] = 1  # carbon, aromatic, sp2, one hydrogen, element 6
    np.testing.assert_array_equal(graphs.features, np.tile(row, (6, 1)))
    assert graphs.features.dtype == np.float32
    assert graphs.kind.tolist() == [3] * 12
    assert graphs.target.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert graphs.source.tolist() == [1, 5, 0, 2, 1, 3, 2, 4, 3, 5, 0, 4]


def test_bond_kinds_and_offsets():
    graphs = proxy_graphs(mols(["C=C", "CC#N"]))
    bonds = set(zip(graphs.source.tolist(), graphs.target.tolist(), graphs.kind.tolist(), strict=True))
    assert bonds == {(0, 1, 1), (1, 0, 1), (2, 3, 0), (3, 2, 0), (3, 4, 2), (4, 3, 2)}
    assert graphs.sizes.tolist() == [2, 3]


@pytest.mark.parametrize("smiles", ["C", "[Na+].[Cl-]"])
def test_a_molecule_without_bonds_has_one_loop(smiles):
    graphs = proxy_graphs(mols(["CC", smiles]))
    assert (graphs.source[2:].tolist(), graphs.target[2:].tolist(), graphs.kind[2:].tolist()) == ([2], [2], [4])


def test_equals_the_definition_on_awkward_molecules():
    molecules = [*mols(MOLECULES), Chem.AddHs(Chem.MolFromSmiles("CCO"))]
    graphs = proxy_graphs(molecules)
    assert graphs.rows.tolist() == list(range(len(molecules)))
    np.testing.assert_array_equal(graphs.features, np.concatenate([slow_features(m) for m in molecules]))
    start, expected = 0, []
    for mol in molecules:
        for bond in mol.GetBonds():
            a, b, kind = bond.GetBeginAtomIdx() + start, bond.GetEndAtomIdx() + start, KINDS[bond.GetBondType()]
            expected += [(a, b, kind), (b, a, kind)]
        expected += [(start, start, 4)] if mol.GetNumBonds() == 0 else []
        start += mol.GetNumAtoms()
    bonds = zip(graphs.source.tolist(), graphs.target.tolist(), graphs.kind.tolist(), strict=True)
    assert sorted(bonds) == sorted(expected)
    assert np.all(np.diff(graphs.target) >= 0)


def test_equals_the_digests_of_three_hundred_molecules():
    table = reference("seh_proxy")
    graphs = [proxy_graphs([mol]) for mol in mols(table.smiles)]
    assert [crc32(g.features, g.source, g.target, g.kind) for g in graphs] == table.graph_crc32.tolist()


def test_left_out_is_what_has_no_features():
    smiles = ["CCO", "*C", "C[Hg]C", "[NH3]->[Fe]", "C[Ba]", "C~C", "[Re]$[Re]", "CC"]
    assert proxy_graphs(mols(smiles)).rows.tolist() == [0, 4, 7]
    none = proxy_graphs(mols(["*C"]))
    assert none.features.shape == (0, FEATURES)
    assert len(none.rows) == len(none.source) == 0


def test_the_molecule_gives_others_the_same_adjacency_as_before():
    mol = Chem.MolFromSmiles("C=CC#N")
    proxy_graphs([mol])
    assert Chem.GetAdjacencyMatrix(mol).max() == 1
