"""SDF, Parquet, .csv with other separators, and the named reasons of what is no molecule."""

import gzip

import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor

from molgfn.chemistry.files.reading import iter_smiles, read_molecules
from molgfn.errors import DataError


def block(smiles, name=""):
    mol = Chem.MolFromSmiles(smiles)
    mol.SetProp("_Name", name)
    return Chem.MolToMolBlock(mol)


#: a nitrogen with five bonds: it can be read, and is no molecule
PENTAVALENT = (
    "five\n     made by hand\n\n  6  5  0  0  0  0  0  0  0  0999 V2000\n"
    + "".join(f"    {x}.0000    0.0000    0.0000 {element}   0  0\n" for x, element in enumerate("NCCCCC"))
    + "".join(f"  1  {other}  1  0\n" for other in range(2, 7))
    + "M  END\n"
)


@pytest.mark.parametrize("name", ["a.sdf", "a.sdf.gz", "A.SD"])
def test_structures_with_line_numbers(tmp_path, name):
    first, second = block("CCO", "ethanol"), block("c1ccccc1")
    parts = [first + "> <id>\n7\n\n", "broken\nno block\n\n", PENTAVALENT, second]
    text = "".join(f"{part}$$$$\n" for part in parts[:-1]) + parts[-1]  # the last mark may be missing
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    content = read_molecules(path)
    starts = [text[: text.index(part)].count("\n") + 1 for part in parts]
    assert [m.smiles for m in content.molecules] == ["CCO", "c1ccccc1"]
    assert content.lines == [starts[0], starts[3]]
    assert content.problems == [(starts[1], "broken MOL block: broken"), (starts[2], "valence: five")]


def test_stereo_of_structures_is_read(tmp_path):
    mol = Chem.MolFromSmiles("C[C@H](N)C(=O)O")
    rdDepictor.Compute2DCoords(mol)
    (tmp_path / "a.mol").write_text(Chem.MolToMolBlock(mol))
    assert read_molecules(tmp_path / "a.mol").molecules[0].smiles == "C[C@H](N)C(=O)O"


def test_hydrogens_that_are_written_out_are_taken_in(tmp_path):
    mol = Chem.AddHs(Chem.MolFromSmiles("CO"))
    (tmp_path / "a.sdf").write_text(Chem.MolToMolBlock(mol) + "$$$$\n")
    assert read_molecules(tmp_path / "a.sdf").molecules[0].smiles == "CO"


def test_the_long_form_is_read_too(tmp_path):
    mol = Chem.MolFromSmiles("C[C@H](N)C(=O)O")
    rdDepictor.Compute2DCoords(mol)
    long = Chem.MolToV3KMolBlock(mol)
    assert "V3000" in long
    (tmp_path / "a.sdf").write_text(f"{long}$$$$\n{long}$$$$\n")
    assert [m.smiles for m in read_molecules(tmp_path / "a.sdf").molecules] == ["C[C@H](N)C(=O)O"] * 2


def test_remarks_in_another_encoding_do_no_harm(tmp_path):
    (tmp_path / "a.sdf").write_bytes(block("CCO").encode() + "> <maker>\nMüller\n\n$$$$\n".encode("latin-1"))
    assert len(read_molecules(tmp_path / "a.sdf")) == 1


def test_structures_without_a_molecule(tmp_path):
    (tmp_path / "a.sdf").write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        read_molecules(tmp_path / "a.sdf")
    empty = Chem.MolToMolBlock(Chem.Mol())
    (tmp_path / "a.sdf").write_text(f"{empty}$$$$\n")
    with pytest.raises(DataError, match="line 1: no atoms"):
        read_molecules(tmp_path / "a.sdf")
    with pytest.raises(DataError, match="not SMILES"):
        list(iter_smiles(tmp_path / "a.sdf"))
    with pytest.raises(DataError, match="a column"):
        read_molecules(tmp_path / "a.sdf", column="smiles")


@pytest.mark.parametrize("packed", [False, True])
def test_parquet(tmp_path, packed):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"id": [1, 2, 3, 4], "SMILES": ["CCO", None, "XX", "CN"]}).to_parquet(path)
    if packed:
        path = tmp_path / "a.parquet.gz"
        path.write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    content = read_molecules(path)
    assert [m.smiles for m in content.molecules] == ["CCO", "CN"]
    assert content.lines == [1, 4]
    assert content.problems == [(2, "empty SMILES"), (3, "not a SMILES: XX")]
    assert [n for n, _ in iter_smiles(path)] == [1, 2, 3, 4]
    assert len(read_molecules(path, column="SMILES", limit=1)) == 1


def test_parquet_that_cannot_be_read(tmp_path):
    pd.DataFrame({"C": ["x"], "value": [1.0]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="no column of SMILES found; name one of: C, value"):
        read_molecules(tmp_path / "a.parquet")  # a name is never a molecule, as a first row of a .csv may be
    with pytest.raises(DataError, match="no column 'smiles'; the columns are: C, value"):
        read_molecules(tmp_path / "a.parquet", column="smiles")
    (tmp_path / "b.parquet").write_text("smiles\nCCO\n")
    with pytest.raises(DataError, match=r"cannot be read as \.parquet"):
        read_molecules(tmp_path / "b.parquet")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_separators_of_csv(tmp_path, mark):
    rows = [["id, of it", "Smiles", "value"], ["1", "CCO", "0,5"], ["2", "CN", "1,5"]]
    (tmp_path / "a.csv").write_text("\n".join(mark.join(f'"{cell}"' for cell in row) for row in rows))
    assert list(iter_smiles(tmp_path / "a.csv")) == [(2, "CCO"), (3, "CN")]


def test_a_header_over_lines_is_no_problem(tmp_path):
    (tmp_path / "a.smi").write_text("SMILES\nCCO\n")
    content = read_molecules(tmp_path / "a.smi")
    assert (content.lines, content.problems) == ([2], [])


def test_named_reasons(tmp_path):
    (tmp_path / "a.smi").write_text("CCO\nC(C)(C)(C)(C)C\nc1cccc1\nC1CC\n")
    assert read_molecules(tmp_path / "a.smi").problems == [
        (2, "valence: C(C)(C)(C)(C)C"),
        (3, "aromaticity: c1cccc1"),
        (4, "not a SMILES: C1CC"),
    ]
