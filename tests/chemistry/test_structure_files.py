import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.conformers import conformer
from molgfn.chemistry.files.structure_files import box_around, read_positions
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import DataError

#: columns of the PDB format, with atoms that a sloppy program glued together
PDB = """\
HEADER    SOMETHING
MODEL        1
HETATM    1  C1  LIG A   1     -10.500  20.250-100.125  1.00  0.00           C
ATOM      2  O   LIG A   1      11.000  -2.000   3.000  1.00  0.00           O
ENDMDL
MODEL        2
HETATM    1  C1  LIG A   1     999.000 999.000 999.000  1.00  0.00           C
ENDMDL
"""
MOL2 = """\
@<TRIPOS>MOLECULE
water
3 2 0 0 0
SMALL
NO_CHARGES

@<TRIPOS>ATOM
1 O 1.0 2.0 3.0 O.3
2 H1 1.5 2.0 3.5 H
3 H2 0.5 2.0 3.5 H
@<TRIPOS>BOND
1 1 2 1
2 1 3 1
"""


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["a.pdb", "a.pdbqt", "a.PDB"])
def test_pdb_columns_of_the_first_model(tmp_path, name):
    positions = read_positions(write(tmp_path, name, PDB))
    np.testing.assert_array_equal(positions, [[-10.5, 20.25, -100.125], [11.0, -2.0, 3.0]])


def test_sdf_has_the_positions_that_rdkit_wrote(tmp_path):
    mol = conformer(Molecule.from_smiles("CCO"))
    path = tmp_path / "two.sdf"
    with Chem.SDWriter(str(path)) as writer:
        writer.write(mol)
        writer.write(conformer(Molecule.from_smiles("c1ccccc1")))
    np.testing.assert_allclose(read_positions(path), mol.GetConformer().GetPositions(), atol=1e-4)
    pentavalent = path.read_text().split("$$$$")[0].replace("  1  2  1  0", "  1  2  3  0")
    assert len(read_positions(write(tmp_path, "wrong.mol", pentavalent))) == 9


def test_mol2(tmp_path):
    positions = read_positions(write(tmp_path, "a.mol2", MOL2))
    np.testing.assert_array_equal(positions, [[1, 2, 3], [1.5, 2, 3.5], [0.5, 2, 3.5]])


def test_the_box_encloses_the_atoms_and_the_padding():
    center, edges = box_around(np.array([[0.0, 0, 0], [4, 2, 0], [1, 1, 1]]), 5.0)
    np.testing.assert_array_equal(center, [2, 1, 0.5])
    np.testing.assert_array_equal(edges, [14, 12, 11])


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.pdb", "REMARK nothing\n", "holds no atom"),
        ("a.sdf", "no\n", "holds no atom"),
        ("a.mol2", "no\n", "holds no atom"),
        ("a.pdb", PDB.replace("20.250-100.125", "20.250 nowhere"), "line 3: no position"),
        ("a.xyz", "1\n\nC 0 0 0\n", "of the kind"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, name, text, says):
    with pytest.raises(DataError, match=says):
        read_positions(write(tmp_path, name, text))


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_positions(tmp_path / "a.pdb")
