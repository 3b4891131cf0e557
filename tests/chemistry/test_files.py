import gzip

import pytest

from molgfn.chemistry.files.reading import iter_smiles, read_molecules
from molgfn.errors import DataError


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["a.smi", "a.txt", "a.smi.gz", "a"])
def test_lines(tmp_path, name):
    path = write(tmp_path, name, "CCO ethanol\n\n# comment\nc1ccccc1\tbenzene\nXX\n  C#N\n")
    content = read_molecules(path)
    assert [m.smiles for m in content.molecules] == ["CCO", "c1ccccc1", "C#N"]
    assert content.lines == [1, 4, 6]
    assert [n for n, _ in content.problems] == [5]
    assert "XX" in content.problems[0][1]
    assert len(content) == 3


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv"])
def test_tables(tmp_path, name):
    mark = "\t" if "tsv" in name else ","
    path = write(
        tmp_path, name, "\n".join(mark.join(r) for r in [("id", "SMILES"), ("1", '"CCO"'), ("2", ""), ("3", "CN")])
    )
    content = read_molecules(path)
    assert [m.smiles for m in content.molecules] == ["CCO", "CN"]
    assert content.lines == [2, 4]
    assert content.problems == [(3, "empty SMILES")]


def test_table_without_header_and_with_line_breaks_inside_quotes(tmp_path):
    path = write(tmp_path, "a.csv", '"CCO","first\nsecond"\n"CN","x"\n')
    assert list(iter_smiles(path)) == [(1, "CCO"), (3, "CN")]


def test_column_by_name(tmp_path):
    path = write(tmp_path, "a.csv", "\ufeffsmiles,product\nC,CC\nN,CN\n")
    assert [s for _, s in iter_smiles(path)] == ["C", "N"]
    assert [s for _, s in iter_smiles(path, column="product")] == ["CC", "CN"]
    with pytest.raises(DataError, match="no column 'educt'; the columns are: smiles, product"):
        read_molecules(path, column="educt")


def test_short_rows_are_problems_not_crashes(tmp_path):
    content = read_molecules(write(tmp_path, "a.csv", "id,smiles\n1,C\n2\n"))
    assert content.problems == [(3, "too few cells: 1 cell, the header has 2")]


def test_limit(tmp_path):
    assert len(read_molecules(write(tmp_path, "a.smi", "C\nCC\nCCC\n"), limit=2)) == 2


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.smi", "", "the file is empty"),
        ("a.smi", "XX\nYY\n", "no valid molecule.*line 1"),
        ("a.csv", "", "the file is empty"),
        ("a.csv", "id,value\n1,2\n", "no column of SMILES found; name one of: id, value"),
    ],
)
def test_files_without_molecules(tmp_path, name, text, words):
    with pytest.raises(DataError, match=words):
        read_molecules(write(tmp_path, name, text))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_molecules(tmp_path / "absent.smi")
    with pytest.raises(DataError, match="cannot be read"):
        read_molecules(tmp_path)
    (tmp_path / "b.smi").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DataError, match="cannot be read"):
        read_molecules(tmp_path / "b.smi")
    (tmp_path / "b.smi.gz").write_bytes(b"CCO\n")
    with pytest.raises(DataError, match="cannot be read"):
        read_molecules(tmp_path / "b.smi.gz")
    with pytest.raises(DataError, match="no column 'smiles'; the columns are: C"):
        read_molecules(write(tmp_path, "c.smi", "C\n"), column="smiles")
