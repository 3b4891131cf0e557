"""Tables that a user gives, whatever separates their cells: one reader, and each command that asks it."""

import gzip

import pytest

from molgfn.chemistry.files.numbers import number_table
from molgfn.chemistry.files.tables import column_names, mark_of, read_table
from molgfn.cli.files.given_condition import conditions_of
from molgfn.cli.files.lead_file import read_given
from molgfn.errors import DataError

CELLS = [["beta", "goal"], ["1.5", ".2 .8"], ["16", ".5 .5"]]


def texts():
    """The same table as different programs write it."""
    rows = {mark: "\n".join(mark.join(row) for row in CELLS) + "\n" for mark in ",;\t"}
    return {
        "commas": rows[","].encode(),
        "semicolons": rows[";"].encode(),
        "tabs": rows["\t"].encode(),
        "said": b"sep=;\r\n" + rows[";"].replace("\n", "\r\n").encode(),
        "said tab": b"sep=\t\n" + rows["\t"].encode(),
        "excel": rows[";"].encode("utf-16"),
        "bom": rows[","].encode("utf-8-sig"),
        "packed": gzip.compress(rows[";"].encode()),
        "remarks": b"# by hand; 2026, x\n\n" + rows[","].encode(),
        "quoted": b'"beta";"goal"\n"1.5";".2 .8"\n\n16;.5 .5\n',
    }


@pytest.mark.parametrize("name", texts())
def test_the_separator_is_found(tmp_path, name):
    path = tmp_path / "t.csv"
    path.write_bytes(texts()[name])
    table = read_table(path)
    assert (table.names, [cells for _, cells in table.cells()]) == (CELLS[0], CELLS[1:])
    assert column_names(path) == CELLS[0]
    assert list(number_table(path).columns) == CELLS[0]
    assert number_table(path)["beta"].tolist() == [1.5, 16.0]
    assert conditions_of(path) == [{"beta": [1.5], "goal": [0.2, 0.8]}, {"beta": [16.0], "goal": [0.5, 0.5]}]


def test_what_separates_no_cell_of_the_header_is_in_the_cells(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("condition.goal\n.2,.8\n.5;.5\n")
    assert conditions_of(path) == [{"goal": [0.2, 0.8]}, {"goal": [0.5, 0.5]}]
    assert [mark_of(header) for header in ("a", "a,b;c;d", "a,b;c")] == ["\t", ";", ","]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a;b\n1;2\n3\n", r"line 3: 1 cell, the header has 2; a cell with a semicolon in it"),
        ("a\tb\n\n1\t2\t3\n", r"line 3: 3 cells, the header has 2; a cell with a tab in it"),
        ('a,b\n1,"2\n3,4\n', r"line 2: quotation mark is not closed"),
        ("a,b,a\n1,2,3\n", r"two columns are called `a`"),
    ],
)
def test_rows_that_are_none_are_refused_with_their_line(tmp_path, text, says):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        list(read_table(path).cells())


def test_cells_that_are_too_many_make_no_index(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2,3\n4,5,6\n")
    with pytest.raises(ValueError, match="rows have more cells than the header has"):
        number_table(path)


def test_files_that_are_no_table(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv: cannot be read \(No such file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("\n# nothing\n")
    assert read_table(tmp_path / "empty.csv").names == []
    with pytest.raises(DataError, match="has no conditions"):
        conditions_of(tmp_path / "empty.csv")
    (tmp_path / "a.csv").write_bytes(b"PK\x03\x04...")
    with pytest.raises(DataError, match="Excel workbook"):
        conditions_of(tmp_path / "a.csv")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_leads_that_are_strings(tmp_path, mark):
    path = tmp_path / ("t.tsv" if mark == "\t" else "t.csv")
    path.write_text(f"name{mark}string{mark}std\na{mark}ACGT{mark}0.25\nb{mark}AC{mark}1\n")
    given = read_given(str(path), number="std")
    assert (given.texts, given.numbers) == (["ACGT", "AC"], [0.25, 1.0])
