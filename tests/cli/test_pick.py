"""``molgfn pick``: what stands beside the molecules stays there, and every row that is left out is accounted for."""

import gzip

import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from molgfn.chemistry.molecules import Molecule

TABLE = """id;Smiles;potency;note
a1;Cc1ccccc1;7.5;"first; of all"
a2;xyz;9.9;broken
a3;CCc1ccccc1;8.25;
a4;OCC;6;alcohol
a5;CCO;5.0;the same
a6;c1ccncc1;;not measured
a7;CC1CCCCC1;8.0;007
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(TABLE)
    return path


def test_the_best_with_all_their_columns_as_they_were(call, table, tmp_path):
    out = tmp_path / "best.csv"
    result = call("pick", table, "-n", 3, "--by", "potency", "-o", out)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{out}: 3 picked by top of 7 rows\n"
    assert sorted(result.stderr.splitlines()) == [
        "left out: 1 x no number in `potency`",
        "left out: 1 x not a SMILES",
        "left out: 1 x the same molecule as another one",
    ]
    picked = pd.read_csv(out, dtype=str, keep_default_na=False)
    assert picked.to_dict("list") == {
        "id": ["a3", "a7", "a1"],
        "Smiles": ["CCc1ccccc1", "CC1CCCCC1", "Cc1ccccc1"],
        "potency": ["8.25", "8.0", "7.5"],
        "note": ["", "007", "first; of all"],
    }


def test_lowest_limits_and_scaffolds(call, table, tmp_path):
    out = tmp_path / "best.csv"
    options = ["--lowest", "--min", "potency=6", "--max", "potency=8.2", "--per-scaffold", 1]
    result = call("pick", table, "-n", 3, "--by", "potency", *options, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert pd.read_csv(out)["id"].tolist() == ["a4", "a1", "a7"]
    for line in ("1 x `potency` below 6", "1 x `potency` above 8.2", "1 x no number in `potency`"):
        assert f"left out: {line}\n" in result.stderr


def test_fewer_than_asked_for_is_no_success(call, table, tmp_path):
    out = tmp_path / "best.csv"
    result = call("pick", table, "-n", 50, "--by", "potency", "-o", out)
    assert result.exit_code == 1
    assert "only 4 of 50 could be picked" in result.stderr
    assert len(pd.read_csv(out)) == 4


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".parquet"])
def test_an_sdf_of_any_table_loads_with_its_tags(call, tmp_path, suffix):
    path = tmp_path / f"in{suffix}"
    frame = pd.DataFrame({"smiles": ["CCO", "CCN", "c1ccccc1"], "x": [0.1, 3.0, 2.5], "text": ["é", "b c", None]})
    if suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    result = call("pick", path, "-n", 2, "--by", "x", "-o", tmp_path / "out.sdf")
    assert result.exit_code == 0, result.stderr
    first, second = Chem.SDMolSupplier(str(tmp_path / "out.sdf"))
    assert first.GetPropsAsDict() == {"smiles": "CCN", "x": 3.0, "text": "b c"}
    assert second.GetPropsAsDict() == {"smiles": "c1ccccc1", "x": 2.5}
    assert Chem.MolToSmiles(second) == "c1ccccc1"


@pytest.fixture
def structures(tmp_path):
    """Three molecules with hydrogens and coordinates in space, one of them broken."""
    path = tmp_path / "in.sdf"
    with Chem.SDWriter(str(path)) as writer:
        for name, smiles, x in (("first", "CCO", 1), ("second", "C[C@H](N)C(=O)O", 3), ("third", "c1ccccc1", 2)):
            mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
            AllChem.EmbedMolecule(mol, randomSeed=1)
            mol.SetProp("_Name", name)
            mol.SetIntProp("x", x)
            mol.SetProp("remark", f"of the {name}\nin two lines")
            writer.write(mol)
    blocks = path.read_text().split("$$$$\n")
    blocks.insert(1, blocks[0].replace(" C  ", " Xx ").replace("first", "broken"))
    path.write_text("$$$$\n".join(blocks))
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_an_sdf_keeps_names_coordinates_and_tags(call, structures, tmp_path, packed):
    given = structures
    if packed:
        given = tmp_path / "in.sdf.gz"
        given.write_bytes(gzip.compress(structures.read_bytes()))
    result = call("pick", given, "-n", 2, "--by", "x", "-o", tmp_path / "out.sdf")
    assert result.exit_code == 0, result.stderr
    assert "2 picked by top of 4 rows" in result.stdout
    assert "1 x broken MOL block" in result.stderr
    before = {m.GetProp("_Name"): m for m in Chem.SDMolSupplier(str(structures), removeHs=False) if m is not None}
    after = list(Chem.SDMolSupplier(str(tmp_path / "out.sdf"), removeHs=False))
    assert [m.GetProp("_Name") for m in after] == ["second", "third"]
    for mol in after:
        old = before[mol.GetProp("_Name")]
        assert (mol.GetConformer().GetPositions() == old.GetConformer().GetPositions()).all()
        assert Chem.MolToSmiles(mol) == Chem.MolToSmiles(old)
        assert mol.GetProp("remark") == old.GetProp("remark")
        assert mol.GetIntProp("x") == old.GetIntProp("x")


def test_an_sdf_as_a_table(call, structures, tmp_path):
    assert call("pick", structures, "-n", 2, "--by", "x", "-o", tmp_path / "out.csv").exit_code == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table.columns) == ["smiles", "name", "x", "remark"]
    assert table["name"].tolist() == ["second", "third"]
    assert table["smiles"].tolist() == [Molecule.from_smiles(s).smiles for s in ("C[C@H](N)C(=O)O", "c1ccccc1")]


def test_tags_of_old_programs_are_read(call, structures, tmp_path):
    structures.write_bytes(structures.read_text().replace("of the", "für").encode("latin-1"))
    assert call("pick", structures, "-n", 1, "--by", "x", "-o", tmp_path / "out.csv").exit_code == 0
    assert pd.read_csv(tmp_path / "out.csv")["remark"].tolist() == ["für second\nin two lines"]


def test_a_list_of_smiles_needs_no_column(call, tmp_path):
    (tmp_path / "in.smi").write_text("CCO\nCCCO\nc1ccccc1\nC1CCCCC1 name\n")
    for method in ("maxmin", "butina"):
        out = tmp_path / f"{method}.smi"
        assert call("pick", tmp_path / "in.smi", "-n", 2, "--method", method, "-o", out).exit_code == 0
        assert len(set(out.read_text().split())) == 2


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["-n", 2], 2, "--method top: what is best?"),
        (["-n", 2, "--method", "maxmin", "--best", 9], 2, "--best: what is best?"),
        (["-n", 2, "--by", "potenzy"], 2, "there is no column `potenzy`; did you mean `potency`?"),
        (["-n", 2, "--by", "potency", "--min", "potency"], 2, "--min: potency: should be a column and a number"),
        (["-n", 2, "--by", "potency", "--max", "size=3"], 2, "there is no column `size`"),
        (["-n", 2, "--by", "potency", "--cut", "0.5"], 2, "--cut: is for --method butina, not for top"),
        (["-n", 2, "--by", "note"], 3, "nothing is left to pick from"),
        (["-n", 2, "--by", "potency", "--column", "note"], 3, "nothing is left to pick from"),
        (["-n", 0, "--by", "potency"], 2, "0 is not in the range"),
    ],
)
def test_what_cannot_work_is_said(call, table, tmp_path, options, code, text):
    out = tmp_path / "out.csv"
    if options[-1] == "note" and "--by" in options[-2:]:
        table.write_text(TABLE.replace("007", "x"))
    result = call("pick", table, *options, "-o", out)
    assert result.exit_code == code, result.stderr
    assert text in result.stderr
    assert not out.exists()


def test_rows_that_are_none_are_counted_and_cost_nothing_else(call, tmp_path):
    rows = ["a,CCO,1", "b,CCCO,2,x", 'c,"CCCCO,3', "d,CCCN,4", "e,CN(C)(C)C,5", "f,*C,6", "g,CCCCN,7"]
    (tmp_path / "in.csv").write_text("sep=,\n# by hand\nid,SMILES,y\n" + "\n".join(rows) + "\n")
    result = call("pick", tmp_path / "in.csv", "-n", 9, "--by", "y", "-o", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert (tmp_path / "out.csv").read_text() == "id,SMILES,y\ng,CCCCN,7\nd,CCCN,4\na,CCO,1\n"
    for reason in ("too many cells", "quotation mark is not closed", "valence", "dummy atom"):
        assert f"left out: 1 x {reason}\n" in result.stderr
    assert "3 picked by top of 7 rows" in result.stdout


def test_tables_without_a_header_are_read_as_everywhere(call, tmp_path):
    (tmp_path / "in.csv").write_text("F1,CCO,1\nF2,CCN,3\nF3,CCCC,2\n")
    result = call("pick", tmp_path / "in.csv", "-n", 2, "--by", "column 3", "-o", tmp_path / "out.csv")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out.csv").read_text() == "column 1,smiles,column 3\nF2,CCN,3\nF3,CCCC,2\n"


def test_files_that_cannot_be_picked_from(call, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("smiles,x\nCCO,1\n")
    assert call("pick", tmp_path / "gone.csv", "-n", 1, "--method", "maxmin", "-o", tmp_path / "o.csv").exit_code == 3
    same = call("pick", path, "-n", 1, "--method", "maxmin", "-o", path)
    assert (same.exit_code, "is the file that is read" in same.stderr) == (2, True)


def test_names_of_lines_and_what_a_list_has_no_room_for(call, structures, tmp_path):
    (tmp_path / "in.smi").write_text("OCC ethanol it is\nCCCO\nc1ccccc1 benzene\n")
    options = ["-n", 3, "--method", "maxmin"]
    assert call("pick", tmp_path / "in.smi", *options, "-o", tmp_path / "out.smi").exit_code == 0
    assert sorted((tmp_path / "out.smi").read_text().splitlines()) == ["CCCO", "CCO ethanol it is", "c1ccccc1 benzene"]
    assert call("pick", tmp_path / "in.smi", *options, "-o", tmp_path / "out.sdf").exit_code == 0
    names = {m.GetProp("_Name") for m in Chem.SDMolSupplier(str(tmp_path / "out.sdf"))}
    assert names == {"ethanol it is", "CCCO", "benzene"}
    result = call("pick", structures, *options, "-o", tmp_path / "out.smi")
    assert "not in it: the columns x, remark;" in result.stderr
    assert "CCO first\n" in (tmp_path / "out.smi").read_text()


def test_numbers_of_parquet_stay_numbers(call, tmp_path):
    frame = pd.DataFrame(
        {"n": [1, 2, 3], "smiles": ["CCO", "CCN", "XX"], "y": [0.5, None, 2.0], "on": [True, False, True]}
    )
    frame.to_parquet(tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    assert call("pick", tmp_path / "in.parquet", "-n", 2, "--by", "n", "-o", out).exit_code == 0
    table = pd.read_parquet(out)
    assert list(table) == ["n", "smiles", "y", "on"]
    assert (table["n"].tolist(), table["on"].tolist()) == ([2, 1], [False, True])
    assert (table["n"].dtype.kind, table["y"].dtype.kind, table["on"].dtype.kind) == ("i", "f", "b")


def test_aromatic_bonds_of_a_block_are_written_as_they_are_read(call, tmp_path):
    mol = Chem.MolFromSmiles("Nc1c[nH]c(=O)[nH]1")
    AllChem.Compute2DCoords(mol)
    (tmp_path / "in.sdf").write_text(Chem.MolToMolBlock(mol, kekulize=False) + "$$$$\n")
    out = tmp_path / "out.sdf"
    assert call("pick", tmp_path / "in.sdf", "-n", 1, "--method", "maxmin", "-o", out).exit_code == 0
    assert [Chem.MolToSmiles(m) for m in Chem.SDMolSupplier(str(out))] == [Chem.MolToSmiles(mol)]
