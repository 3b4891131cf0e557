"""What stands beside molecules stays beside them: ids, other columns, names, tags, and the order."""

import pandas as pd
import pytest
from rdkit import Chem

TABLE = 'id,SMILES,qed,note\n1,OCC,5,"a, b"\n2,CN(C)(C)C,6,x\n3,*C,7,y\n4,CC,1,b,c\n5,C,8,"open\n6,CCC,9,z\n'


def sdf(path):
    blocks = [Chem.MolToMolBlock(Chem.MolFromSmiles(smiles)) for smiles in ("OCC", "CCC")]
    path.write_text(f"{blocks[0]}> <id>\n7\n\n$$$$\n{blocks[1]}> <other>\ntwo\nlines\n\n$$$$\n")
    return path


def cells(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_score_keeps_every_row_and_column(call, tmp_path):
    (tmp_path / "a.csv").write_text(TABLE)
    result = call("score", tmp_path / "a.csv", "-o", tmp_path / "s.csv", "--every", 2)
    assert result.exit_code == 0, result.stderr
    table = cells(tmp_path / "s.csv")
    assert list(table) == ["smiles", "qed", "id", "qed (given)", "note", "problem"]
    assert table["smiles"].tolist() == ["OCC", "CN(C)(C)C", "*C", "", "", "CCC"]
    assert table["id"].tolist() == ["1", "2", "3", "", "", "6"]
    assert [text.partition(":")[0] for text in table["problem"]] == [
        "", "valence", "dummy atom", "too many cells", "quotation mark is not closed", "",
    ]  # fmt: skip
    assert [bool(text) for text in table["qed"]] == [True, False, False, False, False, True]


def test_score_reads_structures_and_names(call, tmp_path):
    assert call("score", sdf(tmp_path / "a.sdf"), "-o", tmp_path / "s.csv").exit_code == 0
    table = cells(tmp_path / "s.csv")
    assert list(table) == ["smiles", "qed", "id", "other", "problem"]
    assert table[["smiles", "id", "other"]].to_numpy().tolist() == [["CCO", "7", ""], ["CCC", "", "two\nlines"]]
    (tmp_path / "a.smi").write_text("CCO ethanol it is\nCCC\n")
    assert call("score", tmp_path / "a.smi", "-o", tmp_path / "s.csv").exit_code == 0
    assert cells(tmp_path / "s.csv")["name"].tolist() == ["ethanol it is", ""]


def test_numbers_of_parquet_stay_numbers(call, tmp_path):
    pd.DataFrame({"n": [1, 2], "smiles": ["CCO", "XX"], "y": [0.5, None]}).to_parquet(tmp_path / "a.parquet")
    for command in (["score"], ["data", "info"]):
        result = call(*command, tmp_path / "a.parquet", "-o", tmp_path / "s.parquet")
        assert result.exit_code == 0, result.stderr
        table = pd.read_parquet(tmp_path / "s.parquet")
        assert (table["n"].dtype.kind, table["y"].dtype.kind, table["y"][0]) == ("i", "f", 0.5)


@pytest.mark.parametrize(("name", "mark"), [("k.csv", ","), ("k.tsv", "\t")])
def test_data_info_keeps_the_columns_of_what_it_keeps(call, tmp_path, name, mark):
    (tmp_path / "a.csv").write_text(TABLE)
    result = call("data", "info", tmp_path / "a.csv", "-o", tmp_path / name)
    assert result.exit_code == 0, result.stderr
    table = pd.read_csv(tmp_path / name, sep=mark, dtype=str)
    assert table.to_numpy().tolist() == [["1", "CCO", "5", "a, b"], ["6", "CCC", "9", "z"]]
    assert list(table) == ["id", "SMILES", "qed", "note"]
    lines = call("data", "info", tmp_path / "a.csv", "-o", tmp_path / "k.smi")
    assert "not in it: the columns id, qed, note" in lines.stdout
    assert (tmp_path / "k.smi").read_text() == "CCO\nCCC\n"


def test_data_info_keeps_names_and_tags(call, tmp_path):
    (tmp_path / "a.smi").write_text("OCC ethanol\nCCC\n")
    call("data", "info", tmp_path / "a.smi", "-o", tmp_path / "k.smi")
    assert (tmp_path / "k.smi").read_text() == "CCO ethanol\nCCC\n"
    call("data", "info", sdf(tmp_path / "a.sdf"), "-o", tmp_path / "k.csv")
    table = cells(tmp_path / "k.csv")
    assert table.to_numpy().tolist() == [["CCO", "7", ""], ["CCC", "", "two\nlines"]]
    assert list(table) == ["smiles", "id", "other"]


def test_a_file_of_nothing_usable_is_an_error(call, tmp_path):
    (tmp_path / "a.csv").write_text('smiles,name\n"CCO,5\n')
    for command in (["data", "info"], ["evaluate"]):
        result = call(*command, tmp_path / "a.csv")
        assert result.exit_code == 3
    assert "line 2: quotation mark is not closed" in result.stderr


def test_worker_processes_score_the_same(call, tmp_path):
    (tmp_path / "a.csv").write_text(TABLE + "".join(f"{i},{'C' * i},{i},\n" for i in range(7, 20)))
    for jobs in (1, 2):
        result = call("score", tmp_path / "a.csv", "-o", tmp_path / f"{jobs}.csv", "--every", 5, "-j", jobs)
        assert result.exit_code == 0, result.stderr
    assert (tmp_path / "1.csv").read_text() == (tmp_path / "2.csv").read_text()
    assert cells(tmp_path / "2.csv")["id"].tolist()[-13:] == [str(i) for i in range(7, 20)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_evaluate_scores_every_entry_in_order(call, molecules_run, tmp_path, jobs):
    (tmp_path / "a.csv").write_text(TABLE)
    out = tmp_path / "out"
    result = call("evaluate", tmp_path / "a.csv", "--score-as", molecules_run, "-o", out, "-j", jobs)
    assert result.exit_code == 0, result.stderr
    table = cells(out / "scored.csv")
    assert list(table) == ["smiles", "log_reward", "value", "qed", "id", "qed (given)", "note", "problem"]
    assert table["smiles"].tolist() == ["OCC", "CN(C)(C)C", "*C", "", "", "CCC"]
    assert table["id"].tolist() == ["1", "2", "3", "", "", "6"]
    assert table["note"].tolist() == ["a, b", "x", "y", "", "", "z"]
    for column in ("log_reward", "value", "qed"):
        assert [bool(text) for text in table[column]] == [True, False, False, False, False, True]
    assert [bool(text) for text in table["problem"]] == [False, True, True, True, True, False]
    assert call("score", tmp_path / "a.csv", "--run", molecules_run, "-o", tmp_path / "s.csv").exit_code == 0
    alone = cells(tmp_path / "s.csv")
    assert table["value"].tolist() == alone["value"].tolist()
    assert table["problem"].tolist() == alone["problem"].tolist(), "a row is told by its place, not by its words"


def test_evaluate_keeps_tags_and_names(call, molecules_run, tmp_path):
    out = tmp_path / "out"
    assert call("evaluate", sdf(tmp_path / "a.sdf"), "--score-as", molecules_run, "-o", out).exit_code == 0
    table = cells(out / "scored.csv")
    assert table[["smiles", "id", "other"]].to_numpy().tolist() == [["CCO", "7", ""], ["CCC", "", "two\nlines"]]
