"""Tables as people write them: every row is a molecule or a problem with its line, whatever stands around it."""

import gzip
import random

import pytest

from molgfn.chemistry.files.reading import Columns, iter_records, read_molecules
from molgfn.errors import DataError


def read(tmp_path, name, content, **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = read_molecules(path, **options)
    return [m.smiles for m in found.molecules], found.lines, [(n, why.partition(":")[0]) for n, why in found.problems]


OPEN = "quotation mark is not closed"


@pytest.mark.parametrize(
    ("text", "smiles", "lines", "problems"),
    [
        ('smiles,name\nCCO,"5\nCCC,a\nCCN,b\n', ["CCC", "CCN"], [3, 4], [(2, OPEN)]),
        ('smiles,name\nCCO,"5\nCCC,a\nCCN,"6\nCCF,b\n', ["CCC", "CCF"], [3, 5], [(2, OPEN), (4, OPEN)]),
        ('smiles,name\nCCO,"5\nCCC,a\nCCN,6"\nCCF,b\n', ["CCC", "CCN", "CCF"], [3, 4, 5], [(2, OPEN)]),
        ('smiles,name\nCCO,5" pipe\nCCC,a\n', ["CCO", "CCC"], [2, 3], []),
        ('smiles,name\n"CCO,5\n', [], [], [(2, OPEN)]),
        ('smiles,name\nCCO,"a"b\nCCC,a\n', ["CCC"], [3], [(2, "quotation mark inside a cell")]),
        ('smiles,name\nCCO,"two\nlines, and a comma"\nCCC,a\n', ["CCO", "CCC"], [2, 4], []),
        ('name,smiles\n"two\nlines",CCO\nx,CCC\n', ["CCO", "CCC"], [2, 4], []),
        ('smiles,name\nCCO,"say ""hi"""\n', ["CCO"], [2], []),
    ],
)
def test_quotation_marks_swallow_no_row(tmp_path, text, smiles, lines, problems):
    if not smiles:
        with pytest.raises(DataError, match=f"line 2: {OPEN}"):
            read(tmp_path, "a.csv", text)
        return
    assert read(tmp_path, "a.csv", text) == (smiles, lines, problems)


def test_a_quoted_cell_without_end_does_not_take_the_file(tmp_path):
    rows = "".join(f"{'C' * (i % 9 + 1)},n\n" for i in range(3000))
    smiles, _, problems = read(tmp_path, "a.csv", f'smiles,name\nCCO,"5\n{rows}')
    assert len(smiles) == 3000
    assert problems == [(2, OPEN)]


def test_rows_of_another_width_are_counted(tmp_path):
    text = "smiles,name,y\nC,2,4,6-tri,0\nCC,x,1\nCCC,x\nCCCC,x,2,,\n\n"
    assert read(tmp_path, "a.csv", text) == (["CC", "CCCC"], [3, 5], [(2, "too many cells"), (4, "too few cells")])
    with pytest.raises(DataError, match="line 2: too many cells: 5 cells, the header has 3"):
        read(tmp_path, "a.csv", "smiles,name,y\nC,2,4,6-tri,0\n")


@pytest.mark.parametrize(
    ("name", "text", "column"),
    [
        ("a.csv", "F1,CCO\nF2,CCN\n", None),
        ("a.csv", "F1,CCO\nF2,CCN\n", "2"),
        ("a.csv", "1,x y,CCO\n2,z,CCN\n", "3"),
        ("a.csv", "1;N;CCO\n2;C;CCN\n", None),
        ("a.tsv", "F1\tCCO\nF2\tCCN\n", None),
        ("a.txt", "CCO,1\nCCN,2\n", None),
        ("a", "F1 CCO\nF2 CCN\n", None),
        ("a.smi", "id SMILES\nF1 CCO\nF2 CCN\n", None),
        ("a.txt", "id,SMILES\nF1,CCO\nF2,CCN\n", None),
        ("a.csv", "sep=;\nsmiles;name\nCCO;a\nCCN;b\n", None),
        ("a.csv", '"sep=;"\r\nsmiles;name\r\nCCO;a\r\nCCN;b\r\n', None),
        ("a.csv", "# made by, a program\n# again\nsmiles,y\nCCO,1\nCCN,2\n", None),
        ("a.csv", "#smiles,y\nCCO,1\nCCN,2\n", None),
        ("a.csv", "\n\n\nsmiles,y\nCCO,1\nCCN,2\n", None),
        ("a.csv", "smiles,names (a;b;c)\nCCO,a;b\nCCN,c\n", None),
        ("a.csv", "CCO,ethanol; alcohol; spirit\nCCN,x\n", None),
        ("a.csv", "smiles;y;z\nCCO;0,5;1,25\nCCN;1,5;2,25\n", None),
        ("a.csv", "id|smiles\n1|CCO\n2|CCN\n", None),
        ("a.csv", 'id,"Canonical SMILES "\n1,CCO first\n2,CCN second\n', None),
        ("a.CSV", "ID,Smiles\n1,CCO\n2,CCN\n", None),
        ("a.csv", "id,PRODUCT\n1,CCO\n2,CCN\n", "product"),
        ("a.csv", "molecule,smi\nethanol,CCO\namine,CCN\n", None),
        ("a.tab", "SMILES\tname\nCCO\ta\nCCN\tb\n", None),
        ("a.csv", "smiles\rCCO\rCCN\r", None),
    ],
)
def test_where_the_molecules_are(tmp_path, name, text, column):
    assert read(tmp_path, name, text, column=column)[::2] == (["CCO", "CCN"], [])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("packed", [False, True])
def test_encodings(tmp_path, encoding, packed):
    content = "smiles,name\r\nCCO,Äthanol\r\nCCN,Ethylamin größer\r\n".encode(encoding)
    content = gzip.compress(content) if packed else content  # known by its bytes, not by its name
    assert read(tmp_path, "a.csv", content) == (["CCO", "CCN"], [2, 3], [])


def test_titles_above_a_header_are_counted(tmp_path):
    found = read(tmp_path, "a.csv", "Results of May\nsmiles,y\nCCO,1\n")
    assert found == (["CCO"], [3], [(1, "above the header")])


def test_zero_bytes_and_signs_that_are_not_ascii_are_no_molecules(tmp_path):
    smiles, lines, problems = read(tmp_path, "a.csv", "smiles,n\nCCO,1\nC\0C,2\nCCé,3\n\u200bCCN\ufeff,4\n")
    assert (smiles, lines) == (["CCO", "CCN"], [2, 5])  # RDKit takes CC for CCé
    assert problems == [(3, "NUL byte"), (4, "not a SMILES")]


def test_cells_of_any_length(tmp_path):
    long = "01" * 100_000
    assert read(tmp_path, "a.csv", f'smiles,bits\nCCO,{long}\nCCN,"{long},1"\n')[0] == ["CCO", "CCN"]


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("F1,CCO\nF2,CCN\n", "CCO", "'CCO' is a molecule of the first row, not the name of a column"),
        ("F1,CCO\nF2,CCN\n", "5", "no column '5'"),
        ("smiles,smiles\nCCO,CCN\n", None, "2 columns are called 'smiles'; give the number"),
        ("SMILES_a,SMILES_b\nCCO,CCN\n", None, "several columns may hold the SMILES"),
        ("id,value\n1,2\n", None, "no column of SMILES found; name one of: id, value"),
    ],
)
def test_columns_that_cannot_be_told_are_refused(tmp_path, text, column, says):
    with pytest.raises(DataError, match=says):
        read(tmp_path, "a.csv", text, column=column)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xyz", "3\nwater\nO 0 0 0\n", r"`\.xyz` is not read; use \.smi"),
        ("a.mol2", "@<TRIPOS>MOLECULE\n", r"`\.mol2` is not read"),
        ("a.pdb.gz", "ATOM", r"`\.pdb` is not read"),
        ("a.xlsx", b"PK\x03\x04", "save the sheet as .csv"),
        ("a.csv", b"PK\x03\x04rest", "a zip archive or an Excel workbook"),
        ("a.txt", "3\nwater\nO 0.0 0.0 0.1\nH 0.0 0.7 0.1\n", "looks like an XYZ file"),
        ("a", "@<TRIPOS>MOLECULE\nx\n", "looks like a MOL2 file"),
        ("a.smi", "InChI=1S/CH4/h1H4\n", "looks like a list of InChIs"),
        ("a.smi", "HEADER  PROTEIN\nATOM  1\n", "looks like a PDB file"),
        ("a.csv", "<html><body>404</body></html>", "looks like a web page"),
        ("a.csv", random.Random(0).randbytes(300), "is no text"),
        ("a.smi", random.Random(1).randbytes(5000), "is no text"),
    ],
)
def test_other_formats_are_refused(tmp_path, name, content, says):
    with pytest.raises(DataError, match=says):
        read(tmp_path, name, content)


def test_cells_are_kept_where_they_are_asked_for(tmp_path):
    (tmp_path / "a.csv").write_text('id,smiles,"y, z"\n1,CCO,"a, b"\n')
    columns = Columns()
    (record,) = iter_records(tmp_path / "a.csv", columns=columns)
    assert (columns.names, columns.smiles) == (["id", "smiles", "y, z"], 1)
    assert record.cells == ("1", "CCO", "a, b")
