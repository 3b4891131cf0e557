"""What people mistype: one clear line and the right exit code, before any work, and nothing lost."""

import random

import pytest

TABLE = "smiles,y\nCCO,1\nCCN,2\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.csv").write_text(TABLE)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "bytes.csv").write_bytes(random.Random(0).randbytes(400))
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        # a folder, where a file is wanted
        ("train folder", 2, "folder: is a folder; give the .yaml file of an experiment"),
        ("score folder oracle=qed -o s.csv", 3, "folder: is a folder"),
        ("compare-molecules folder -o s.csv", 3, "folder: is a folder"),
        ("fragments check folder", 3, "'folder': is a folder"),
        ("proxy info folder", 3, "folder: is a folder"),
        ("fragments build own.csv -o folder", 2, "folder: is a folder; give the name of a file"),
        ("proxy fit own.csv --property y -o folder", 2, "folder: is a folder; give the name of a file"),
        # bytes that are no text
        ("data info bytes.csv", 3, "bytes.csv: is no text"),
        ("score bytes.csv oracle=qed -o s.csv", 3, "bytes.csv: is no text"),
        ("proxy fit bytes.csv --property y -o p.pt", 3, "bytes.csv: is no text"),
        ("study bytes.csv", 2, "bytes.csv: is no text"),
        # something else than what is wanted
        ("study empty.csv", 2, "empty.csv: is no study"),
        ("describe tb", 2, "tb: is one of a group; give objective=tb"),
        ("train quickstart =5", 2, "=5: should be key=value"),
        ("train quickstart name=Prüfung", 2, 'name="Prüfung"'),
        # numbers that are none
        ("sample run -o x.smi --temperature nan", 2, "nan is not a finite number"),
        ("sample run -o x.smi --temperature inf", 2, "inf is not a finite number"),
        ("proxy fit own.csv --property y -o p.pt --test nan", 2, "nan is not a finite number"),
        ("fragments build own.csv -o v.txt --coverage nan", 2, "nan is not a finite number"),
    ],
)
def test_one_line_says_what_is_wrong(call, folder, words, code, says):
    result = call(*words.split())
    assert result.exit_code == code, result.output
    assert says in result.stderr
    assert "Traceback" not in result.output
    lines = [line for line in result.stderr.splitlines() if line and not line.startswith(("Usage:", "Try "))]
    assert len(lines) == 1
    assert {path.name for path in folder.iterdir()} == {"own.csv", "empty.csv", "bytes.csv", "folder"}


@pytest.mark.parametrize(
    "words",
    [
        "proxy fit own.csv --property y -o own.csv",
        "proxy fit own.csv --property y -o folder/../own.csv",
        "fragments build own.csv -o own.csv",
        "score own.csv oracle=qed -o own.csv",
        "pick own.csv -n 1 --by y -o own.csv",
        "data info own.csv -o own.csv",
    ],
)
def test_the_file_that_is_read_is_not_written_over(call, folder, words):
    result = call(*words.split())
    assert result.exit_code == 2, result.output
    assert "own.csv: is the file that is read" in result.stderr
    assert (folder / "own.csv").read_text() == TABLE
