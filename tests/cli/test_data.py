"""``molgfn data``: list, get, info."""

import json
from hashlib import sha256

import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from molgfn.chemistry.files.reading import read_molecules
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.datasets import registry
from molgfn.datasets.registry import DATASETS, Dataset
from molgfn.downloads import Download


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MOLGFN_DATA", str(tmp_path / "folder"))
    return tmp_path / "folder"


def file_of(content: bytes, name: str) -> Download:
    return Download(
        name=name,
        url="http://localhost:9/x",
        sha256=sha256(content).hexdigest(),
        size=len(content),
        what="few",
        source="x",
        licence="MIT",
    )


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setitem(registry.DATASETS, "few", Dataset("few", 2, file_of(b"CCO\nCN\n", "few.smi")))


def test_list(call, folder, few):
    result = call("data", "list")
    assert result.exit_code == 0, result.stderr
    for name, found in DATASETS.items():
        (row,) = [line.split() for line in result.stdout.splitlines() if line.startswith(f"{name} ")]
        assert row[1] == f"{found.entries:,}"
        assert "no" in row
    folder.mkdir()
    (folder / "few.smi").write_text("CCO\nCN\n")
    rows = call("data", "list").stdout.splitlines()
    assert "yes" in next(line.split() for line in rows if line.startswith("few "))
    assert rows[-1] == f"folder: {folder}"


def test_get_from_a_path(call, folder, few, tmp_path):
    offline = call("data", "get", "few")
    assert offline.exit_code == 3
    assert f"put it at {folder / 'few.smi'}" in offline.stderr
    (tmp_path / "mine.smi").write_text("CCO\nCN\n")
    result = call("data", "get", "few", "--path", tmp_path / "mine.smi")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"few: {folder / 'few.smi'}\n"
    assert call("data", "get", "few").exit_code == 0
    assert "2" in call("data", "info", "few").stdout
    (tmp_path / "mine.smi").write_text("CCO\n")
    wrong = call("data", "get", "few", "--path", tmp_path / "mine.smi")
    assert wrong.exit_code == 3
    assert "sha256" in wrong.stderr


def test_get_a_vocabulary(call, folder, monkeypatch, tmp_path):
    content = json.dumps({"block_smi": {"0": "CCO"}, "block_r": {"0": [2, 0]}}).encode()
    monkeypatch.setitem(registry.DATASETS, "v", Dataset("v", 1, file_of(content, "v.json"), kind="fragments"))
    (tmp_path / "mine.json").write_bytes(content)
    result = call("data", "get", "v", "--path", tmp_path / "mine.json")
    assert result.exit_code == 0, result.stderr
    assert f"environment.vocabulary={folder / 'v.txt'}" in result.stdout
    assert Vocabulary.load(folder / "v.txt") == Vocabulary.load([["CCO", [0, 2]]])


def test_get_refuses(call, tmp_path):
    assert call("data", "get").exit_code == 2
    assert call("data", "get", "qm9", "zinc250k", "--path", tmp_path).exit_code == 2
    unknown = call("data", "get", "qm8")
    assert unknown.exit_code == 3
    assert "did you mean `qm9`" in unknown.stderr


SMILES = "CCO\nOCC\nXX\nCC(=O)[O-].[Na+]\nc1ccccc1C\n"


def cells(result):
    return [line.split() for line in result.stdout.splitlines()]


def test_info(call, tmp_path):
    (tmp_path / "a.smi").write_text(SMILES)
    result = call("data", "info", tmp_path / "a.smi")
    assert result.exit_code == 0, result.stderr
    rows = cells(result)
    assert ["5", "4", "1"] in rows
    assert ["not", "a", "SMILES", "1", "20.00%", "3", "XX"] in rows
    assert ["different", "(canonical", "SMILES)", "3", "75.00%"] in rows
    assert ["several", "parts", "(salts)", "1", "25.00%"] in rows
    assert ["with", "Na", "1", "25.00%"] in rows
    assert "heavy atoms: 3 to 7, median 3, 90 % of them within 3 to 7" in result.stdout
    assert "small parts of salts: [Na+] (1)" in result.stdout
    assert ["radicals", "0", "0.00%"] in rows


def test_info_with_rules(call, tmp_path):
    (tmp_path / "a.smi").write_text(SMILES)
    rules = ["--salts", "largest", "--charges", "neutralise", "--duplicates", "drop", "--elements", "C, O"]
    result = call("data", "info", tmp_path / "a.smi", *rules, "--max-atoms", 6, "-o", tmp_path / "clean.smi")
    assert result.exit_code == 0, result.stderr
    rows = cells(result)
    assert ["5", "2", "3"] in rows
    assert ["too", "large", "1", "20.00%", "5", "Cc1ccccc1", "(7", "heavy", "atoms)"] in rows
    assert (tmp_path / "clean.smi").read_text() == "CCO\nCC(=O)O\n"


def test_info_of_a_file_where_nothing_is_left(call, tmp_path):
    (tmp_path / "a.smi").write_text("XX\n")
    result = call("data", "info", tmp_path / "a.smi")
    assert result.exit_code == 3
    assert "no molecule is left" in result.stderr
    assert ["1", "0", "1"] in cells(result)
    assert "heavy atoms" not in result.stdout


def test_info_does_not_overwrite_what_it_reads(call, tmp_path):
    path = tmp_path / "own.smi"
    path.write_text("CCO measured\nCCC too\n")
    result = call("data", "info", path, "-o", path)
    assert result.exit_code == 2
    assert "own.smi: is the file that is read" in result.stderr
    (tmp_path / "own.csv").write_text("smiles,act\nCCO,1\n")
    table = call("data", "info", tmp_path / "own.csv", "-o", tmp_path / "own.csv")
    assert "own.csv: is the file that is read" in table.stderr
    (tmp_path / "own.csv").unlink()
    structures = call("data", "info", path, "-o", tmp_path / "out.mol2")
    assert structures.exit_code == 2
    assert "cannot write `.mol2`" in structures.stderr
    nothing = call("data", "info", path, "--min-atoms", 50, "-o", tmp_path / "none.smi")
    assert nothing.exit_code == 3
    assert "no molecule is left" in nothing.stderr
    assert "2 left out: too small" in nothing.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["own.smi"]
    assert path.read_text() == "CCO measured\nCCC too\n"


def test_info_says_where_it_stopped_and_what_a_path_is_for(call, tmp_path):
    path = tmp_path / "a.smi"
    path.write_text("CCO\nCCC\nC\n")
    assert "the others were not read: limit 2" in call("data", "info", path, "--limit", 2).stdout
    assert "not read" not in call("data", "info", path, "--limit", 3).stdout
    wrong = call("data", "info", path, "--path", path)
    assert wrong.exit_code == 3
    assert "a.smi: is a file; a path beside it belongs to a named set" in wrong.stderr


def test_info_refuses(call, tmp_path):
    (tmp_path / "a.smi").write_text("")
    empty = call("data", "info", tmp_path / "a.smi")
    assert empty.exit_code == 3
    assert "the file is empty" in empty.stderr
    assert call("data", "info", tmp_path / "gone.smi").exit_code == 3
    assert call("data", "info", tmp_path / "a.smi", "--elements", "Q").exit_code == 2
    assert call("data", "info", tmp_path / "a.smi", "-o", tmp_path / "no" / "b.smi").exit_code == 2
    (tmp_path / "folder").mkdir()
    folder = call("data", "info", tmp_path / "a.smi", "-o", tmp_path / "folder")
    assert folder.exit_code == 2  # before the file is read, which may take long
    assert "folder: is a folder" in folder.stderr


def solid(smiles, name, **tags):
    """A MOL block with coordinates in space, and its data."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    mol.SetProp("_Name", name)
    data = "".join(f">  <{key}>\n{text}\n\n" for key, text in tags.items())
    return f"{Chem.MolToMolBlock(mol)}{data}$$$$\n"


def test_what_is_kept_is_written_as_structures(call, tmp_path):
    path, out = tmp_path / "a.sdf", tmp_path / "kept.sdf"
    path.write_text(solid("C[C@H](N)C(=O)O", "alanine", act="1") + solid("CCO", "") + solid("C", "methane", act="2"))
    result = call("data", "info", path, "--min-atoms", 2, "-o", out)
    assert result.exit_code == 0, result.stderr
    first, second = Chem.SDMolSupplier(str(out))
    assert (first.GetProp("_Name"), first.GetPropsAsDict()) == ("alanine", {"act": 1})
    assert (second.GetProp("_Name"), second.GetPropsAsDict()) == ("CCO", {})
    assert first.GetConformer().Is3D(), "the coordinates of the file are kept"
    assert [m.smiles for m in read_molecules(out).molecules] == ["C[C@H](N)C(=O)O", "CCO"]


def test_structures_show_what_is_kept_also_where_a_rule_took_something_off(call, tmp_path):
    path, out = tmp_path / "a.sdf", tmp_path / "kept.sdf"
    path.write_text(solid("C[C@H](N)C(=O)O", "alanine"))
    assert call("data", "info", path, "--stereo", "remove", "-o", out).exit_code == 0
    assert [m.smiles for m in read_molecules(out).molecules] == ["CC(N)C(=O)O"]


def test_structures_of_a_table_have_its_columns_as_tags(call, tmp_path):
    path, out = tmp_path / "a.csv", tmp_path / "kept.sdf"
    path.write_text("id,smiles,act,act\nx1,OCC,3,4\nx2,C1CC1,,5\n")
    result = call("data", "info", path, "-o", out)
    assert result.exit_code == 0, result.stderr
    first, second = Chem.SDMolSupplier(str(out))
    assert (first.GetProp("_Name"), first.GetPropsAsDict()) == ("CCO", {"id": "x1", "act": 3})
    assert second.GetPropsAsDict() == {"id": "x2"}
    assert "not in it: the columns act;" in result.stdout
    (tmp_path / "b.smi").write_text("OCC ethanol\nC\n")
    assert call("data", "info", tmp_path / "b.smi", "-o", out).exit_code == 0
    assert [mol.GetProp("_Name") for mol in Chem.SDMolSupplier(str(out))] == ["ethanol", "C"]


def test_check(call, tmp_path):
    (tmp_path / "mine.smi").write_text("CCO\nnothing\nC[C@H](N)O\nCCS\nCCCCCCCCCC\n")
    out = tmp_path / "outside.csv"
    result = call("data", "check", tmp_path / "mine.smi", "environment.types=[C,N,O]", "-o", out)
    assert result.exit_code == 0, result.stderr
    assert "2 of 4 molecules can be built (50.0%)" in result.stdout
    assert "1 of them without their stereo marks" in result.stdout
    assert "1 not built: element S, line 4 (CCS)" in result.stdout
    assert "1 left out: not a SMILES, line 2 (nothing)" in result.stderr
    assert out.read_text().splitlines() == [
        "line,smiles,reason",
        "4,CCS,element S",
        "5,CCCCCCCCCC,more atoms than max_atoms (9)",
    ]
    assert call("data", "check", tmp_path / "mine.smi", "-o", tmp_path / "mine.smi").exit_code == 2
    assert call("data", "check", tmp_path / "mine.smi", "environment.types=[X]").exit_code == 2
    assert call("data", "check", tmp_path / "gone.smi").exit_code == 3
