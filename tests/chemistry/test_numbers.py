"""Decimal commas: read where nothing else can be meant, by every reader of numbers in tables; else left alone."""

import numpy as np
import pandas as pd
import pytest

from molgfn.chemistry.files.numbers import columns_with_commas, has_decimal_commas, number_table, with_points
from molgfn.chemistry.files.pairs import read_pairs
from molgfn.cli.files.lead_file import read_given
from molgfn.cli.files.molecule_rows import read_rows
from molgfn.errors import DataError
from molgfn.oracles.own.table import Table
from molgfn.proxies.table import read_property


@pytest.mark.parametrize(
    ("cells", "points"),
    [
        (["6,94", "4,6", "7"], ["6.94", "4.6", "7"]),
        (["-0,5", "1,234"], ["-0.5", "1.234"]),  # the first says how the second is meant
        (["1.234,5", "1,5e-3", "n/a", ""], ["1234.5", "1.5e-3", "n/a", ""]),
        (["0,125"], ["0.125"]),
        (["1,234", "2,345"], None),  # could be thousands
        (["1,234.5", "0,5"], None),
        (["0,5", "0.5"], None),
        (["1.5", "2"], None),
        (["1,2,3"], None),
        (["a,5", "CC(C),C"], None),
        ([], None),
    ],
)
def test_only_what_is_certain(cells, points):
    assert has_decimal_commas(cells) == (points is not None)
    assert with_points(cells) == (points or cells)


EXCEL = "\ufeffNr.;Molekül;Structure;pIC50\n1;µ-1;CCO;6,94\n2;µ-2;CCN;1,234\n3;µ-3;CCC;\n4;µ-4;CC;1.000,5\n"


@pytest.fixture(params=["utf-8", "cp1252", "utf-16"])
def excel(request, tmp_path):
    path = tmp_path / "excel.csv"
    text = EXCEL if request.param == "utf-8" else EXCEL.removeprefix("\ufeff")
    path.write_bytes(text.encode(request.param))
    return path


def test_a_sheet_of_a_european_excel(excel):
    table = read_property(excel, "pIC50")
    assert table.values.tolist() == [6.94, 1.234, 1000.5]
    assert table.left_out == {"no value": 1}
    assert "`pIC50`: decimal commas (0,5 is read as 0.5)" in table.summary()
    assert read_rows(excel).numbers("pIC50").tolist() == pytest.approx([6.94, 1.234, np.nan, 1000.5], nan_ok=True)
    assert read_rows(excel).take([1]).numbers("pIC50").tolist() == [1.234]  # what the others said is not lost
    assert columns_with_commas(excel, ["pIC50", "Nr.", "nothing"]) == {"pIC50"}
    numbers = number_table(excel)
    assert pd.to_numeric(numbers["pIC50"], errors="coerce").tolist() == pytest.approx(
        [6.94, 1.234, np.nan, 1000.5], nan_ok=True
    )
    assert numbers["Molekül"].tolist() == ["µ-1", "µ-2", "µ-3", "µ-4"]


def test_what_may_be_thousands_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("smiles;y\nCCO;1,234\nCCN;2,345\n")
    with pytest.raises(DataError, match=r"value has a comma \(write 0.5, and 1234 for a thousand\): 1,234"):
        read_property(path, "y")
    assert np.isnan(read_rows(path).numbers("y")).all()


def test_judgements_leads_and_values(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("chosen;rejected;answer;w\nCCO;CCN;0,75;2,5\nCC;CCC;tie;1\nCCCC;CC;1,5;1\n")
    pairs = read_pairs(path, weight="w")
    assert [(pair.label, pair.weight) for pair in pairs.pairs] == [(0.75, 2.5), (0.5, 1.0)]
    assert [(out.reason, out.count) for out in pairs.left_out.values()] == [("not an answer", 1)]
    assert "`answer`: decimal commas" in pairs.summary()
    path.write_text("smiles;std\nCCO;0,25\nCCN;1\n")
    assert read_given(str(path), number="std").numbers == [0.25, 1.0]
    path.write_text("object;value\nCCO;0,25\nCCN;1\n")
    assert Table(path=str(path)).table == {"CCO": 0.25, "CCN": 1.0}
